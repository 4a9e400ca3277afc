# Stops itself and its parent, so that nobody is left to end: the time limit ends it.
# ends: timeout
kill -STOP $PPID $$
