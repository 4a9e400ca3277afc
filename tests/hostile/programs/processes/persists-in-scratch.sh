# Leaves a file in /tmp and /dev/shm for its next call to find: each call begins with empty ones.
for place in /tmp /dev/shm; do
    [ -z "$(ls -A $place)" ] || { [ -n "$(ls -A $place | grep -v '^pytest')" ] && echo "escaped: $(ls -A $place)"; }
    echo left > $place/left
done
exit 0
