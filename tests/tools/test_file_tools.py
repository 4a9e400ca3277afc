"""Tools that read and write files, in a real workspace."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Mapping

import pytest

from coding_agent.sandbox.base import Entry, Listing, Match, Sandbox, SearchResult
from coding_agent.tools.base import ToolAnswer
from coding_agent.tools.list_files import render as render_listing
from coding_agent.tools.patching.nearest import describe_nearest
from coding_agent.tools.read_file import MAX_SHOWN, excerpt
from coding_agent.tools.replace_text import as_in_file, objection
from coding_agent.tools.search import render as render_search

Fill = Callable[[Mapping[str, bytes]], Awaitable[None]]
Call = Callable[..., Awaitable[ToolAnswer]]


async def test_files_are_listed_directories_first(fill: Fill, call: Call) -> None:
    await fill({"b.py": b"", "src/w/x.py": b"", "src/w/deep/y.py": b"", "src/__pycache__/x.pyc": b""})
    answer = await call("list_files", depth=2)
    assert (answer.outcome, answer.text) == ("ok", "src/\nsrc/w/ (2 entries)\nb.py")


async def test_a_long_listing_says_how_much_is_left_out(fill: Fill, call: Call) -> None:
    await fill({f"f{n}": b"" for n in range(5)})
    assert (await call("list_files", max_entries=3)).text == (
        "f0\nf1\nf2\n[2 more entries; list a subdirectory or raise max_entries]"
    )


def test_a_listing_of_long_names_is_cut() -> None:
    entries = tuple(Entry(path=f"{n}" * 4000, kind="file", size=0) for n in range(10)) * 2
    *shown, last = render_listing(".", Listing(entries=entries, omitted=1)).split("\n")
    assert (len(shown), last) == (16, "[5 more entries; list a subdirectory or raise max_entries]")


def test_an_empty_directory_says_so() -> None:
    assert render_listing("src", Listing(entries=(), omitted=0)) == "src: empty directory"


async def test_lines_are_read_with_their_numbers(fill: Fill, call: Call) -> None:
    await fill({"a.py": b"one\ntwo\nthree\nfour\n"})
    assert (await call("read_file", path="a.py", start=2, end=3)).text == (
        "a.py: lines 2-3 of 4\n     2\ttwo\n     3\tthree\n[1 more line; go on with start=4]"
    )


@pytest.mark.parametrize(
    ("text", "header"),
    [
        ("a\nb\n", "f: lines 1-2 of 2"),
        ("a\r\nb\r\n", "f: lines 1-2 of 2 (CRLF line endings)"),
        ("a\r\nb\n", "f: lines 1-2 of 2 (mixed line endings)"),
        ("a\nb", "f: lines 1-2 of 2 (no newline at end of file)"),
        ("", "f: empty file"),
    ],
)
def test_the_header_says_how_lines_end(text: str, header: str) -> None:
    assert excerpt("f", text, 1, None).text.split("\n")[0] == header


def test_a_crlf_file_is_shown_without_carriage_returns() -> None:
    assert excerpt("f", "a\r\nb\r\n", 1, None).text.endswith("     1\ta\n     2\tb")


def test_no_more_lines_are_shown_than_fit() -> None:
    assert excerpt("f", "x\n" * 1000, 1, None).text.endswith("   400\tx\n[600 more lines; go on with start=401]")
    assert excerpt("f", ("x" * 10_000 + "\n") * 5, 1, None).text.endswith("[2 more lines; go on with start=4]")


def test_a_line_that_does_not_fit_is_cut_and_says_so() -> None:
    text = excerpt("f", "é" * MAX_SHOWN, 1, None).text
    assert text.endswith(f"[line 1 is cut: {MAX_SHOWN + 8} more bytes; see the rest with `run_command`]")


def test_a_start_past_the_end_is_an_error() -> None:
    assert excerpt("f", "a\n", 5, None).text == "f has 1 line; start=5 is past its end."


def test_an_end_before_the_start_is_an_error() -> None:
    assert excerpt("f", "a\nb\n", 2, 1).outcome == "error"


async def test_a_file_that_is_not_text_is_an_error_that_says_so(fill: Fill, call: Call) -> None:
    await fill({"x.bin": b"ab\xff"})
    answer = await call("read_file", path="x.bin")
    assert (answer.outcome, answer.text.split(". ")[0]) == (
        "error",
        "x.bin: not UTF-8 text (3 bytes; the first that is not UTF-8 is byte 2)",
    )


async def test_a_missing_file_is_an_error_that_says_what_to_do(call: Call) -> None:
    answer = await call("read_file", path="nope.py")
    assert answer.outcome == "error"
    assert answer.text == "nope.py: not found. There is no such file or directory. See what is there with `list_files`."


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "a/../../x", ".git/config"])
@pytest.mark.parametrize("tool", ["read_file", "write_file"])
async def test_a_path_outside_is_denied(call: Call, tool: str, path: str) -> None:
    answer = await call(tool, path=path, **({"content": ""} if tool == "write_file" else {}))
    assert (answer.outcome, answer.changes) == ("denied", None)


async def test_matches_are_shown_by_path_and_line(fill: Fill, call: Call) -> None:
    await fill({"b.py": b"x = 1\n", "a.py": b"\nx = 1\nx = 2\n", "a.txt": b"x = 1\n"})
    assert (
        await call("search", pattern=r"^x = \d", glob="*.py")
    ).text == "3 matches\na.py:2:x = 1\na.py:3:x = 2\nb.py:1:x = 1"


async def test_nothing_found_is_no_error(fill: Fill, call: Call) -> None:
    await fill({"a.py": b"x\n"})
    assert (await call("search", pattern="zzz")).text == "No matches."


async def test_a_bad_pattern_is_an_error_that_says_what_to_do(call: Call) -> None:
    answer = await call("search", pattern="(")
    assert answer.outcome == "error"
    assert "Mend the pattern" in answer.text


def test_matches_left_out_and_long_lines_are_said() -> None:
    found = SearchResult(matches=(Match(path="a", line=1, text="x" * 310 + "\n"),), omitted=4)
    assert render_search(found) == (
        "5 matches\na:1:"
        + "x" * 300
        + " [10 more characters]\n[4 more matches; narrow the pattern or raise max_matches]"
    )


async def test_a_new_file_is_created_with_its_directories(sandbox: Sandbox, call: Call) -> None:
    answer = await call("write_file", path="src/new/a.py", content="a\nb")
    assert answer.text == "Created src/new/a.py (2 lines, 3 bytes)."
    assert answer.changes is not None
    assert [(change.path, change.kind, change.data) for change in answer.changes.files] == [
        ("src/new/a.py", "add", b"a\nb")
    ]


async def test_an_overwritten_file_says_what_it_was(fill: Fill, call: Call) -> None:
    await fill({"a.py": b"a\nb\nc\n"})
    assert (await call("write_file", path="a.py", content="é\n")).text == (
        "Overwrote a.py (1 line, 3 bytes; was 3 lines, 6 bytes)."
    )


async def test_exact_text_is_replaced(sandbox: Sandbox, fill: Fill, call: Call) -> None:
    await fill({"a.py": b"x = 1\ny = 1\n"})
    answer = await call("replace_text", path="a.py", old="= 1", new="= 2", count=2)
    assert answer.text == "Replaced 2 occurrences in a.py (lines 1, 2)."
    assert (await sandbox.read("a.py", max_bytes=100)).data == b"x = 2\ny = 2\n"


async def test_text_that_is_not_there_leaves_everything_and_shows_the_nearest(
    sandbox: Sandbox, fill: Fill, call: Call
) -> None:
    await fill({"a.py": b"def f():\n    return 1\n"})
    answer = await call("replace_text", path="a.py", old="  return 1", new="x", count=2)
    assert (answer.outcome, answer.changes) == ("error", None)
    assert "occurs 1 time (line 2), not 2" in answer.text
    assert (await sandbox.read("a.py", max_bytes=100)).data == b"def f():\n    return 1\n"


def test_the_nearest_of_very_many_lines_that_are_all_alike_is_found_without_comparing_each_to_the_end() -> None:
    rows = ["".join(random.Random(seed).sample("ab" * 100, 200)) for seed in range(5000)]
    wanted = rows[4000][:70] + "c" * 10
    assert "Line 4001 differs first" in describe_nearest(rows, [wanted], None)


def test_text_that_does_not_occur_is_answered_with_the_nearest_lines() -> None:
    said = objection("f", b"def f():\n    return 1\n", b"def f():\n  return 1", b"x", 1)
    assert said == (
        "f: `old` does not occur in it, whitespace included. Line 2 differs first: expected `  return 1`, "
        "found `    return 1` (only whitespace differs). The nearest lines are:\n     1\tdef f():\n     2\t    return 1"
    )


def test_text_replaced_by_itself_is_refused() -> None:
    assert objection("f", b"a", b"a", b"a", 1) == "f: `old` and `new` are the same; nothing would change."


def test_newlines_mean_the_line_endings_of_a_crlf_file() -> None:
    assert as_in_file(b"a\r\nb\r\n", b"a\nb", b"x\ny") == (b"a\r\nb", b"x\r\ny")
    assert as_in_file(b"a\r\nb\n", b"a\nb", b"x\ny") == (b"a\nb", b"x\ny")


def test_a_replacement_that_would_not_fit_into_memory_is_refused() -> None:
    said = objection("f", b"a" * 10_000, b"a", b"b" * 1_000_000, 10_000)
    assert said == "f: it would have 10000000000 bytes, this tool writes 16777216 at most. Use `run_command`."
