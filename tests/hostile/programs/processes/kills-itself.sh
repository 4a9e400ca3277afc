# Kills all processes by number, itself too: the record says that it was killed by a signal.
# ends: signal 9
# test: died
# grade: died
kill -9 -1
kill -9 $$
