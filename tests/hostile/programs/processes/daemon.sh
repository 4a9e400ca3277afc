# Starts daemons in sessions of their own that keep the output open: the call ends with its first process, and they with it.
setsid sleep 3600 &
(setsid sh -c 'trap "" TERM HUP; while :; do sleep 3600; done' &)
nohup sleep 3600 >/dev/null 2>&1 &
exit 0
