"""Episodes of the repairer, each for itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from coding_agent.events.schema import ToolResult
from tests.patience import LIMITS_S
from tests.policies.repair.driver import repair
from tests.policies.repair.planted import BROKEN, MEAN

ONE_LOOP = pytest.mark.parametrize("anyio_backend", ["asyncio"])
"""The policy never waits, so the event loop can not matter to it; `test_one_episode` plays on both."""


@ONE_LOOP
async def test_without_commands_nothing_is_traced_and_mutants_are_tried_by_themselves(tmp_path: Path) -> None:
    told = await repair(tmp_path, BROKEN, toolset="test")
    assert (told.reason, told.passed) == ("submitted", True)
    assert set(told.tools) == {"list_files", "run_tests", "read_file", "apply_patch", "submit"}


@ONE_LOOP
async def test_two_bugs_are_mended_one_after_the_other(tmp_path: Path) -> None:
    source = "def up(x):\n    return x - 3\n\n\ndef down(x):\n    return x + 3\n"
    test = (
        "from m import down, up\n\n\ndef test_it():\n    assert up(7) == 10\n\n\n"
        "def test_down():\n    assert down(7) == 4\n"
    )
    told = await repair(tmp_path, {"m.py": source, "tests/test_it.py": test}, turns=60)
    assert (told.reason, told.passed) == ("submitted", True)


@ONE_LOOP
async def test_what_no_mutation_mends_is_given_up_with_the_files_as_they_were(tmp_path: Path) -> None:
    test = "from m import answer\n\n\ndef test_it():\n    assert answer() == 'a sentence that nobody could guess'\n"
    told = await repair(tmp_path, {"m.py": "def answer():\n    return 1\n", "tests/test_it.py": test})
    assert (told.reason, told.passed) == ("blocked", False)
    trees = [event.changes.tree for event in told.events if isinstance(event, ToolResult) and event.changes]
    assert trees[-1] == told.events[0].tree  # type: ignore[union-attr]
    assert "Mutations tried: " in told.summary


@ONE_LOOP
async def test_the_examples_of_a_docstring_stand_in_for_tests(tmp_path: Path) -> None:
    example = MEAN.replace(" / ", " // ").replace(
        ":\n", ':\n    """The mean.\n\n    >>> mean([1, 2])\n    1.5\n    """\n', 1
    )
    told = await repair(tmp_path, {"stats.py": example, "tests/test_it.py": "def test_it():\n    pass\n"})
    assert told.reason == "submitted"
    assert "tests/test_reproduction.py" not in told.messages[-1].content  # type: ignore[operator]
    last = [event for event in told.events if isinstance(event, ToolResult) and event.changes][-1]
    assert [(f.path, f.kind) for f in last.changes.files] == [("tests/test_reproduction.py", "delete")]  # type: ignore[union-attr]


@ONE_LOOP
async def test_a_loop_without_end_is_survived_and_mended(tmp_path: Path) -> None:
    source = (
        "def digits(n):\n    count = 1\n    while n >= 10:\n        n = n / 1\n        count += 1\n    return count\n"
    )
    test = "from m import digits\n\n\ndef test_it():\n    assert digits(100) == 3\n    assert digits(7) == 1\n"
    # Most mutants of it never end either: what is found before the limit ends the command that tries them is enough.
    for limit_s in LIMITS_S[1:]:
        files = {"m.py": source, "tests/test_it.py": test}
        told = await repair(tmp_path / f"{limit_s:g}", files, test_s=limit_s / 2, command_s=2 * limit_s)
        if told.passed:
            break
    assert (told.reason, told.passed) == ("submitted", True)


@ONE_LOOP
async def test_a_syntax_error_is_reported_as_blocked(tmp_path: Path) -> None:
    test = "from m import f\n\n\ndef test_it():\n    assert f() == 1\n"
    told = await repair(tmp_path, {"m.py": "def f(:\n", "tests/test_it.py": test})
    assert told.reason == "blocked"


@ONE_LOOP
async def test_an_example_in_the_statement_is_enough_where_there_are_no_tests(tmp_path: Path) -> None:
    statement = "The mean is rounded down.\n\n    >>> mean([1, 2])\n    1.5\n"
    told = await repair(tmp_path, {"lib/stats.py": MEAN.replace(" / ", " // ")}, statement)
    assert told.reason == "submitted"
