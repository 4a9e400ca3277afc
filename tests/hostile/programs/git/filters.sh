# Filters and text converters that a `git diff` or `git add` of the harness would run: the harness runs neither.
git init -q . 2>/dev/null
printf '* filter=evil diff=evil merge=evil\n' > .gitattributes
git config filter.evil.clean 'sh -c "touch @folder@/planted && echo escaped: clean; cat"'
git config filter.evil.smudge 'sh -c "touch @folder@/planted; cat"'
git config filter.evil.process 'sh -c "touch @folder@/planted"'
git config diff.evil.textconv 'sh -c "touch @folder@/planted; cat"'
git config diff.evil.command 'sh -c "touch @folder@/planted"'
git add -A 2>&1; git diff 2>&1
rm -f .gitattributes
exit 0
