"""The forms that a patch may have."""

from __future__ import annotations

import pytest

from coding_agent.tools.patching.parse import parse_patch
from coding_agent.tools.patching.result import changed
from coding_agent.tools.patching.values import FilePatch

HUNK = "@@ -1 +1 @@\n-a\n+A\n"


def only(patch: str) -> FilePatch:
    (file,) = parse_patch(patch)
    return file


@pytest.mark.parametrize(
    ("header", "path"),
    [
        ("--- a/src/f.py\n+++ b/src/f.py\n", "src/f.py"),
        ("--- src/f.py\n+++ src/f.py\n", "src/f.py"),
        ("--- a/f.py\n+++ a/f.py\n", "a/f.py"),
        ("--- f.py\n+++ b/f.py\n", "f.py"),
        ("--- i/f.py\n+++ w/f.py\n", "f.py"),
        ("--- a/f.py\t2024-01-01 00:00:00\n+++ b/f.py\t2024-01-02 00:00:00\n", "f.py"),
        ("diff --git a/f g.py b/f g.py\n--- a/f g.py\t\n+++ b/f g.py\t\n", "f g.py"),
        ('--- "a/\\303\\251\\t.py"\n+++ "b/\\303\\251\\t.py"\n', "é\t.py"),
        ("Here you are:\n\n--- a/f.py\n+++ b/f.py\n", "f.py"),
        ("diff --git a/f.py b/f.py\nindex 12ab..34cd 100644\n--- a/f.py\n+++ b/f.py\n", "f.py"),
    ],
)
def test_a_header_names_its_file(header: str, path: str) -> None:
    file = only(header + HUNK)
    assert (file.kind, file.source, file.target) == ("M", path, path)
    assert changed(file, b"a\n") == b"A\n"


def test_a_rename_without_hunks_keeps_the_content() -> None:
    file = only("diff --git a/f b/g\nsimilarity index 100%\nrename from f\nrename to g\n")
    assert (file.summary, changed(file, b"a")) == ("R f -> g +0 -0", b"a")


def test_a_rename_may_have_hunks() -> None:
    file = only("diff --git a/f b/g\nrename from f\nrename to g\n--- a/f\n+++ b/g\n" + HUNK)
    assert (file.summary, changed(file, b"a\n")) == ("R f -> g +1 -1", b"A\n")


def test_a_new_file_may_be_empty_or_executable() -> None:
    file = only("diff --git a/f b/f\nnew file mode 100755\nindex 0000000..e69de29\n")
    assert (file.kind, file.executable, file.hunks) == ("A", True, ())


def test_a_change_of_mode_may_come_with_hunks() -> None:
    file = only("diff --git a/f b/f\nold mode 100644\nnew mode 100755\n--- a/f\n+++ b/f\n" + HUNK)
    assert (file.kind, file.executable) == ("M", True)


def test_removed_lines_that_look_like_headers_stay_lines() -> None:
    file = only("--- a/f\n+++ b/f\n@@ -1,2 +1,2 @@\n--- x\n+++ y\n z\n")
    assert changed(file, b"-- x\nz\n") == b"++ y\nz\n"


def test_empty_lines_after_a_hunk_are_no_context() -> None:
    assert changed(only("--- a/f\n+++ b/f\n@@ -1,7 +1,9 @@\n-a\n+A\n\n\n"), b"a\nb\n") == b"A\nb\n"


def test_an_empty_line_inside_a_hunk_is_an_empty_line_of_context() -> None:
    assert changed(only("--- a/f\n+++ b/f\n@@ -1,3 +1,3 @@\n a\n\n-b\n+B\n"), b"a\n\nb\n") == b"a\n\nB\n"


def test_the_signature_of_a_mailed_patch_is_no_line_of_it() -> None:
    assert changed(only("--- a/f\n+++ b/f\n" + HUNK + "-- \n2.40.0\n"), b"a\n") == b"A\n"


@pytest.mark.parametrize(
    ("hunk", "old", "new"),
    [
        ("@@ -2 +2 @@\n-b\n+B\n", b"a\nb", b"a\nB"),
        ("@@ -2 +2 @@\n-b\n\\ No newline at end of file\n+B\n", b"a\nb", b"a\nB\n"),
        ("@@ -2 +2 @@\n-b\n+B\n\\ No newline at end of file\n", b"a\nb\n", b"a\nB"),
        ("@@ -1,2 +1,3 @@\n a\n b\n+c\n", b"a\nb", b"a\nb\nc"),
        ("@@ -1,2 +1 @@\n a\n-b\n", b"a\nb", b"a\n"),
        ("@@ -1,2 +1 @@\n-a\n b\n", b"a\nb", b"b"),
        ("@@ -1,2 +1,3 @@\n a\n b\n+c\n", b"a\r\nb", b"a\r\nb\r\nc"),
        ("@@ -1,2 +1 @@\n-a\n-b\n", b"a\nb", b""),
    ],
)
def test_a_missing_final_newline_stays_missing_unless_the_patch_says_otherwise(
    hunk: str, old: bytes, new: bytes
) -> None:
    assert changed(only("--- a/f\n+++ b/f\n" + hunk), old) == new


def test_bytes_that_are_not_utf8_survive_a_patch_elsewhere_in_the_file() -> None:
    assert changed(only("--- a/f\n+++ b/f\n" + HUNK), b"\xff\xfe\na\n") == b"\xff\xfe\nA\n"
