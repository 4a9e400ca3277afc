# Installs hooks of every kind that touch the host: nobody outside ever runs git here, and inside they reach nothing.
git init -q . 2>/dev/null
for hook in pre-commit post-commit post-checkout post-index-change fsmonitor-watchman reference-transaction; do
    printf '#!/bin/sh\ntouch "@folder@/planted" 2>/dev/null && echo "escaped: %s"\nexit 0\n' $hook > .git/hooks/$hook
    chmod +x .git/hooks/$hook
done
git add -A 2>&1; git -c user.name=a -c user.email=a@b commit -qm x 2>&1; git checkout -q -b other 2>&1
exit 0
