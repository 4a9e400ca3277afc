# Looks for the answer in history: log, reflog, stash, packed and dangling objects hold one commit at most, and it is the task's beginning.
[ "$(git rev-list --all --reflog --count 2>/dev/null || echo 0)" -le 1 ] || echo "escaped: commits"
git fsck --lost-found 2>/dev/null | grep -q dangling && echo "escaped: dangling objects"
for object in $(git cat-file --batch-all-objects --batch-check 2>/dev/null | cut -d' ' -f1); do
    git cat-file -p "$object" 2>/dev/null | grep -q 'test_five' && echo "escaped: hidden test in $object"
done
git remote 2>/dev/null | grep -q . && echo "escaped: a remote"
exit 0
