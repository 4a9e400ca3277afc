# A set-uid copy of a shell, and every set-uid program of the system, gives its caller no other identity.
cp /bin/sh ./rootsh 2>/dev/null; chmod 6755 ./rootsh 2>/dev/null
for program in ./rootsh /bin/su /usr/bin/sudo /usr/bin/newuidmap /usr/bin/mount; do
    [ -x "$program" ] || continue
    [ "$($program -p -c 'id -u' 2>/dev/null </dev/null)" = 0 ] && echo "escaped: $program"
done
rm -f ./rootsh
exit 0
