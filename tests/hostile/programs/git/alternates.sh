# Borrows objects from repositories of the host by alternates and by local clones: there are none to borrow from.
git init -q . 2>/dev/null
mkdir -p .git/objects/info
printf '%s\n' @checkout@/.git/objects /oldroot@checkout@/.git/objects /proc/1/root@checkout@/.git/objects > .git/objects/info/alternates
git cat-file --batch-all-objects --batch-check 2>/dev/null | grep -q commit && [ "$(git rev-list --all --count 2>/dev/null)" -gt 1 ] && echo "escaped: objects"
git clone -q @checkout@ /tmp/clone 2>/dev/null && echo "escaped: clone"
rm -rf .git/objects/info/alternates
exit 0
