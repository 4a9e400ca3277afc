"""Searching, on every backend."""

from __future__ import annotations

import pytest

from coding_agent.sandbox.base import Refused, Sandbox, SearchResult
from tests.patience import PATIENCE_S
from tests.sandbox.steps import Steps


async def search(sandbox: Sandbox, pattern: str, path: str = ".", **options: object) -> SearchResult:
    given: dict[str, object] = {
        "glob": None,
        "ignore_case": False,
        "max_matches": 100,
        "timeout_s": PATIENCE_S,
        **options,
    }
    return await sandbox.search(pattern, path=path, **given)  # type: ignore[arg-type]


def places(found: SearchResult) -> list[tuple[str, int, str]]:
    return [(match.path, match.line, match.text) for match in found.matches]


async def test_matches_are_sorted_by_path_then_line(steps: Steps) -> None:
    await steps.put({"b": "x\ny\nx1\n", "a/c": "x\n", "a.py": "-x\n"})
    found = places(await search(steps.sandbox, "x"))
    assert found == [("a/c", 1, "x"), ("a.py", 1, "-x"), ("b", 1, "x"), ("b", 3, "x1")]


async def test_hidden_and_ignored_files_are_searched_but_caches_are_not(steps: Steps) -> None:
    await steps.put(
        {".hidden": "x", "ignored": "x", ".gitignore": "ignored", ".git_": "x", "d/__pycache__/c": "x", "e.pyc": "x"}
    )
    await steps.sh("mkdir .git; echo x > .git/config; printf 'x\\0' > binary; ln -s ignored link")
    assert [path for path, _, _ in places(await search(steps.sandbox, "x"))] == [".git_", ".hidden", "ignored"]


async def test_glob_case_and_count_narrow_a_search(steps: Steps) -> None:
    await steps.put({"a.py": "X\nx\nx\n", "b.txt": "x\n"})
    found = await search(steps.sandbox, "x", glob="*.py", ignore_case=True, max_matches=2)
    assert (places(found), found.omitted) == ([("a.py", 1, "X"), ("a.py", 2, "x")], 1)


async def test_a_single_file_is_searched(steps: Steps) -> None:
    await steps.put({"-e": "x\n", "b": "x\n"})
    assert places(await search(steps.sandbox, "x", "-e")) == [("-e", 1, "x")]


REFUSED = {
    ("(", "."): "bad_pattern", ("a\nb", "."): "bad_pattern", ("a\0", "."): "bad_pattern", ("\ud800", "."): "bad_pattern",
    ("x", "missing"): "not_found", ("x", "../"): "outside", ("x", "link"): "symlink", ("x", "d/f"): "symlink",
    ("x", "pipe"): "special_file",
}  # fmt: skip


async def test_what_can_not_be_searched_is_refused(steps: Steps) -> None:
    await steps.put({"f": "x", "e/f": "x"})
    await steps.sh("ln -s f link; ln -s e d; mkfifo pipe")
    for (pattern, path), code in REFUSED.items():
        with pytest.raises(Refused) as refused:
            await search(steps.sandbox, pattern, path)
        assert (refused.value.code, pattern, path) == (code, pattern, path)


async def test_an_enormous_answer_is_counted_and_not_kept(steps: Steps) -> None:
    await steps.sh("seq 200000 > n")
    found = await search(steps.sandbox, "", max_matches=1)
    assert (places(found), found.omitted, found.timed_out) == ([("n", 1, "1")], 199999, False)


async def test_a_search_ends_in_time(steps: Steps) -> None:
    await steps.put({"a": "x"})
    assert (await search(steps.sandbox, "x", timeout_s=1e-6)).timed_out
    assert not (await search(steps.sandbox, "x")).timed_out


LONG = ("needle" * 200_000, '"},"line_number":7, \u00e9\\' * 20_000 + "needle", "é\x01\\" * 40_000 + "needle", "\\" * 99_999 + "needle",
        "needle " * 5000, "x" * 65_450 + "needle" * 9)  # fmt: skip


@pytest.mark.parametrize("line", LONG, ids=range(len(LONG)))
async def test_a_line_that_takes_long_to_tell_is_found_by_its_number_and_cut(steps: Steps, line: str) -> None:
    await steps.put({"long": f"first\n{line}\nneedle\n"})
    found = places(await search(steps.sandbox, "needle", timeout_s=PATIENCE_S))
    assert found == [("long", 2, f"{line[:500]}[line cut]"), ("long", 3, "needle")]
