# Sets core.fsmonitor, core.pager, core.sshCommand, core.editor and diff.external to programs that reach for the host.
git init -q . 2>/dev/null
for key in core.fsmonitor core.pager core.sshCommand core.editor diff.external credential.helper gpg.program; do
    git config $key 'sh -c "touch @folder@/planted && echo escaped: it"'
done
git status 2>&1; git diff 2>&1
exit 0
