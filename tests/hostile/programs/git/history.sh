# Looks for the answer in history: there is one commit, the task's beginning; nothing in reflog, stash, remotes or loose objects.
command -v git >/dev/null || exit 0
[ "$(git rev-list --all --reflog --count)" = 1 ] || echo "escaped: commits"
[ "$(git log --format=%s)" = "The task" ] || echo "escaped: another history"
git fsck --lost-found 2>/dev/null | grep -q dangling && echo "escaped: dangling objects"
for object in $(git cat-file --batch-all-objects --batch-check | cut -d' ' -f1); do
    git cat-file -p "$object" | grep -q 'test_five' && echo "escaped: hidden test in $object"
done
git remote | grep -q . && echo "escaped: a remote"
exit 0
