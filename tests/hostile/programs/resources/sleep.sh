# Sleeps for an hour with its output closed, as a build that hangs: it is killed when its time is over.
# ends: timeout
exec >&- 2>&- </dev/null
sleep 3600
