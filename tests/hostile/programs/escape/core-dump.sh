# Dumps core to wherever the host's core pattern points: no core is written, and the death is recorded as one.
# ends: signal 11 or exit 139
ulimit -c unlimited 2>/dev/null
kill -SEGV $$
