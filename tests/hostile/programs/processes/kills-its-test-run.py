"""Kills the process that runs the tests, from inside: no outcome is invented, and the death is recorded."""
# ends: signal 9 or exit 137
# test: died
# grade: died
os.kill(os.getpid(), signal.SIGKILL)
