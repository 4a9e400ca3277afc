# Makes `.git` a file that names the checkout of this project, to read its history: there is nothing under that name.
rm -rf .git
printf 'gitdir: @checkout@/.git\n' > .git
git log 2>&1 | grep -q '^commit' && echo "escaped: history"
git --git-dir=@checkout@/.git log 2>&1 | grep -q '^commit' && echo "escaped: history"
rm -f .git
exit 0
