"""The law of patches: what difflib or git would write between two files, applied to the first, gives the second."""

from __future__ import annotations

import difflib

from hypothesis import given
from hypothesis import strategies as st

from coding_agent.tools.patching.document import Document
from coding_agent.tools.patching.parse import parse_patch
from coding_agent.tools.patching.result import changed, check_deleted, created
from coding_agent.tools.patching.values import PatchRefused

MARK = "\n\\ No newline at end of file\n"
WORDS = st.sampled_from(["", "a", "b", "c", "    a", "-- a", "++ b", "@@ -1 +1 @@", "\\ x", "é", "diff --git a/x b/x"])
UNIQUE = st.lists(st.integers(0, 40), unique=True, max_size=25).map(lambda numbers: [f"line {n}" for n in numbers])


def diff(old: str, new: str, *, before: str = "a/f", after: str = "b/f", context: int = 3) -> str:
    """As `diff -u` writes it, with the marks that difflib leaves out."""
    lines = difflib.unified_diff(split(old), split(new), before, after, n=context)
    return "".join(line if line.endswith("\n") else line + MARK for line in lines)


def split(text: str) -> list[str]:
    lines = [line + "\n" for line in text.split("\n")]
    return [*lines[:-1], *([lines[-1][:-1]] if lines[-1] != "\n" else [])]


def joined(lines: list[str], newline: str, *, final: bool) -> str:
    return newline.join(lines) + (newline if final and lines else "")


def applied(patch: str, old: str) -> str:
    (file,) = parse_patch(patch)
    return changed(file, old.encode()).decode()


@given(st.lists(WORDS), st.lists(WORDS), st.sampled_from(["\n", "\r\n"]), st.booleans(), st.booleans())
def test_a_diff_of_the_whole_file_gives_the_new_file(
    old: list[str], new: list[str], newline: str, old_final: bool, new_final: bool
) -> None:
    before, after = joined(old, newline, final=old_final), joined(new, newline, final=new_final)
    if before and after and before != after:
        assert applied(diff(before, after, context=10_000), before) == after


@given(UNIQUE, UNIQUE, st.sampled_from(["\n", "\r\n"]), st.booleans(), st.integers(1, 4))
def test_a_diff_between_files_without_repeated_lines_gives_the_new_file(
    old: list[str], new: list[str], newline: str, final: bool, context: int
) -> None:
    before, after = joined(old, newline, final=final), joined(new, newline, final=final)
    if before and after and before != after:
        assert applied(diff(before, after, context=context), before) == after


@given(UNIQUE, UNIQUE, st.integers(0, 50), st.integers(0, 9), st.integers(0, 9))
def test_wrong_line_numbers_and_counts_make_no_difference(
    old: list[str], new: list[str], shift: int, old_count: int, new_count: int
) -> None:
    before, after = "first\n" + joined(old, "\n", final=True), "first\n" + joined(new, "\n", final=True)
    if before != after:
        patch = diff(before, after, context=1)
        wrong = "".join(
            f"@@ -{shift},{old_count} +{shift},{new_count} @@\n" if line.startswith("@@") else line
            for line in patch.splitlines(keepends=True)
        )
        assert applied(wrong, before) == after


@given(UNIQUE, UNIQUE, st.booleans())
def test_a_patch_without_carriage_returns_keeps_those_of_the_file(old: list[str], new: list[str], final: bool) -> None:
    before, after = joined(["1", "2", *old], "\n", final=final), joined(["1", "2", *new], "\n", final=final)
    if before != after:
        got = applied(diff(before, after), before.replace("\n", "\r\n"))
        assert got == after.replace("\n", "\r\n")


@given(UNIQUE, UNIQUE)
def test_a_patch_that_came_with_carriage_returns_adds_none_to_the_file(old: list[str], new: list[str]) -> None:
    before, after = joined(["first", *old], "\n", final=True), joined(["first", *new], "\n", final=True)
    if before != after:
        assert applied(diff(before, after).replace("\n", "\r\n"), before) == after


@given(st.lists(st.sampled_from(["a\n", "a\r\n", "b\n", "b\r\n"]), min_size=1), st.data())
def test_a_diff_of_mixed_line_endings_gives_the_new_file(lines: list[str], data: st.DataObject) -> None:
    before = "".join(["start\r\n", *lines])
    after = "".join(["start\r\n", *data.draw(st.permutations(lines))])
    if before != after:
        assert applied(diff(before, after, context=10_000), before) == after


@given(st.lists(WORDS, min_size=1), st.booleans())
def test_a_creation_and_its_reverse_are_the_whole_file(lines: list[str], final: bool) -> None:
    text = joined(lines, "\n", final=final)
    if text:
        (file,) = parse_patch(diff("", text, before="/dev/null"))
        assert created(file).decode() == text
        (gone,) = parse_patch(diff(text, "", after="/dev/null"))
        check_deleted(gone, text.encode())


@given(st.binary())
def test_no_byte_of_a_file_is_lost_on_the_way_through_its_lines(data: bytes) -> None:
    assert Document.of(data).data == data


@given(st.text(st.sampled_from("@-+ ,1\\\nab/diff--git")), st.binary())
def test_no_text_at_all_crashes_the_parser(patch: str, data: bytes) -> None:
    try:
        for file in parse_patch("--- a/f\n+++ b/f\n@@ -1 +1 @@\n" + patch):
            changed(file, data)
    except PatchRefused:
        pass
