"""Patches that are not applied, and what the policy is told."""

from __future__ import annotations

import pytest

from coding_agent.tools.patching.parse import parse_patch
from coding_agent.tools.patching.result import changed, check_deleted
from coding_agent.tools.patching.values import PatchRefused

HEAD = "--- a/f\n+++ b/f\n"
CODE = b"def f(x):\n    y = x\n    return y\n\n\ndef g(x):\n    y = x\n    return y\n"


def refusal(patch: str, data: bytes = CODE) -> str:
    try:
        for file in parse_patch(patch):
            (check_deleted if file.kind == "D" else changed)(file, data)
    except PatchRefused as refused:
        return str(refused)
    pytest.fail("the patch was not refused")


@pytest.mark.parametrize(
    ("patch", "said"),
    [
        ("", "it changes nothing: expected `--- a/path`"),
        ("just words\n", "it changes nothing: expected `--- a/path`"),
        (HEAD, "f: it has no hunks; nothing would change."),
        (HEAD + "@@ -1 +1 @@\n def f(x):\n", "f, hunk 1 (@@ -1,1 +1,1 @@): it changes nothing."),
        ("@@ -1 +1 @@\n-a\n+b\n", "it is not a unified diff: Unexpected hunk found"),
        (HEAD + "@@ here @@\n-a\n+b\n", "line 3: expected `@@ -start,count +start,count @@`, found '@@ here @@'"),
        (HEAD + "@@ -1 +1 @@\n-a\n+b\nc\n", "line 6 of the patch: every line of a hunk begins with a space"),
        ("--- /etc/f\n+++ /etc/f\n@@ -1 +1 @@\n-a\n+b\n", "/etc/f: paths are relative to the workspace"),
        ("--- a/../f\n+++ b/../f\n@@ -1 +1 @@\n-a\n+b\n", "../f: write the path without empty, `.` or `..` parts."),
        ("--- a/.git/f\n+++ b/.git/f\n@@ -1 +1 @@\n-a\n+b\n", ".git/f: `.git` can not be changed."),
        ("--- a/f\n+++ b/g\n@@ -1 +1 @@\n-a\n+b\n", "`---` and `+++` name two files, 'a/f' and 'b/g'."),
        (HEAD + "@@ -1 +1 @@\n-a\n+b\n" + HEAD + "@@ -2 +2 @@\n-c\n+d\n", "f: it is in the patch twice"),
        ("diff --git a/f b/f\nindex 1..2 100644\nGIT binary patch\nliteral 3\nabc\n", "binary changes are not taken"),
        ("diff --git a/f b/f\nBinary files a/f and b/f differ\n", "binary changes are not taken"),
        # Patterns of unidiff's take hours to read these.
        ("Binary file x" + " and x" * 100_000 + "\n" + HEAD, "binary changes are not taken"),
        ("diff --git " + "://x" * 100_000 + "\n" + HEAD, "write paths without empty parts; found 'diff --git ://x"),
        ("diff --git a/f b/f\nold mode 100644\nnew mode 100755\n", "f: only its mode would change; use `chmod`"),
        ("diff --git a/f b/f\nnew file mode 120000\n--- /dev/null\n+++ b/f\n@@ -0,0 +1 @@\n+b\n", "symbolic links and submodules"),
        ("diff --git a/f b/f\nindex 1..2 160000\n--- a/f\n+++ b/f\n@@ -1 +1 @@\n-a\n+b\n", "symbolic links and submodules"),
        ("diff --git a/f b/g\ncopy from f\ncopy to g\n", "copies are not taken"),
        ("--- /dev/null\n+++ b/f\n@@ -1 +1,2 @@\n a\n+b\n", "f: a new file has only `+` lines, found ' a'."),
        ("--- a/f\n+++ /dev/null\n@@ -1,2 +1 @@\n a\n-b\n", "f: a deletion has only `-` lines, found ' a'."),
    ],
)  # fmt: skip
def test_what_is_no_change_of_text_files_in_the_workspace_is_refused(patch: str, said: str) -> None:
    assert refusal(patch).startswith(said)


def test_context_that_is_nowhere_is_answered_with_the_nearest_lines() -> None:
    assert refusal(HEAD + "@@ -1,3 +1,3 @@\n def g(x):\n     y = z\n-    return y\n+    return x\n") == (
        "f, hunk 1 (@@ -1,3 +1,3 @@): its context is not in the file. "
        "Line 7 differs first: expected `    y = z`, found `    y = x`. The nearest lines are:\n"
        "     6\tdef g(x):\n     7\t    y = x\n     8\t    return y"
    )


def test_a_difference_in_whitespace_is_not_ignored_but_said() -> None:
    said = refusal(HEAD + "@@ -1,2 +1,2 @@\n def f(x):\n-  y = x\n+  y = 2\n")
    assert "Line 2 differs first: expected `  y = x`, found `    y = x` (only whitespace differs)." in said


def test_context_past_the_end_is_answered_with_the_end() -> None:
    said = refusal(HEAD + "@@ -8,2 +8,2 @@\n     return y\n-x\n+y\n", b"    return y\n")
    assert "Line 2 differs first: expected `x`, found the end of the file." in said


def test_context_like_nothing_in_the_file_says_to_read_it_again() -> None:
    assert refusal(HEAD + "@@ -90 +90 @@\n-qqqqqq\n+b\n").endswith(
        "Nothing in it resembles the context; read the file again."
    )


def test_context_at_several_places_is_answered_with_all_of_them() -> None:
    said = refusal(HEAD + "@@ -1,2 +1,2 @@\n     y = x\n-    return y\n+    return x\n")
    assert "its context is at 2 places, beginning at lines 2, 7. Add lines of context, or state one" in said


def test_a_line_number_that_picks_one_of_several_places_exactly_is_enough() -> None:
    (file,) = parse_patch(HEAD + "@@ -7,2 +7,2 @@\n     y = x\n-    return y\n+    return x\n")
    assert changed(file, CODE) == CODE[: -len(b"    return y\n")] + b"    return x\n"


def test_hunks_that_overlap_are_refused() -> None:
    hunks = "@@ -1,2 +1,2 @@\n def f(x):\n-    y = x\n+    y = 1\n@@ -2,4 +2,3 @@\n     y = x\n     return y\n-\n \n"
    assert refusal(HEAD + hunks) == "f: hunks 1 and 2 overlap; make them one."


def test_hunks_out_of_order_are_applied_where_they_belong() -> None:
    (file,) = parse_patch(HEAD + "@@ -1 +1 @@\n-c\n+C\n@@ -1 +1 @@\n-a\n+A\n")
    assert changed(file, b"a\nb\nc\n") == b"A\nb\nC\n"


def test_an_insertion_without_context_must_state_an_end_of_the_file() -> None:
    said = refusal(HEAD + "@@ -2,0 +3 @@\n+x\n")
    assert said.endswith(
        "an insertion without context. Add the lines around it, or state line 0 (the beginning) or 8 (the end)."
    )


@pytest.mark.parametrize(("line", "expected"), [(0, b"x\na\nb\n"), (2, b"a\nb\nx\n")])
def test_an_insertion_at_a_stated_end_is_made(line: int, expected: bytes) -> None:
    (file,) = parse_patch(HEAD + f"@@ -{line},0 +{line + 1} @@\n+x\n")
    assert changed(file, b"a\nb\n") == expected


def test_a_deletion_must_hold_the_whole_file() -> None:
    said = refusal("--- a/f\n+++ /dev/null\n@@ -1 +0,0 @@\n-def f(x):\n")
    assert said.startswith("f: the patch removes 1 of its 8 lines; a deletion must hold all of it")


def test_a_stated_missing_newline_must_be_missing() -> None:
    said = refusal(HEAD + "@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+b\n", b"a\n")
    assert said.endswith("The lines are there, at 1, but the file ends with a newline: see `\\ No newline`.")


def test_hunks_that_fit_nearly_everywhere_are_refused_together() -> None:
    """Each alone may be looked for; all of them would take the event loop away from every other episode."""
    block = b"a\nb\n" * 100
    hunk = "@@ -1,200 +1,200 @@\n" + " a\n b\n" * 99 + "-a\n b\n+c\n"
    assert "it fits in too many places to try. State its exact line" in refusal(HEAD + hunk, b"x\n" + block * 100)
    unique = b"".join(b"%d\n" % number + b"a\n" * 1000 for number in range(100))
    hunks = "".join(f"@@ -999999,2 +1,2 @@\n a\n-{number}\n+x\n" for number in range(1, 100))
    assert changed(parse_patch(HEAD + hunks)[0], unique).count(b"x\n") == 99
