# The shell's own fork bomb: it is held by its process budget, and over with its time.
# ends: timeout or exit 0 or exit 2
# test: timeout or passed
# grade: timeout or honest
bomb() { bomb | bomb & }
bomb 2>/dev/null
sleep 60
