from __future__ import annotations

import functools
from pathlib import Path

import anyio
import pytest

from coding_agent.events.schema import TestRun, ToolResult
from tests.policies.repair.driver import Fresh, Told, repair
from tests.policies.repair.planted import CLAMP, MEAN

pytestmark = pytest.mark.xdist_group("repair")
ONE_LOOP = pytest.mark.parametrize("anyio_backend", ["asyncio"])
"""The policy never waits, so the event loop can not matter to it; one episode is played on both."""
CLAMP_TEST = (
    "from shapes.clamp import clamp\n\n\ndef test_it():\n    assert clamp(5, 0, 3) == 3\n    assert clamp(-1, 0, 3) == 0\n\n\n"
    "def test_inside():\n    assert clamp(2, 0, 3) == 2\n"
)
BROKEN = {
    "shapes/__init__.py": "",
    "shapes/clamp.py": CLAMP.replace("x > high", "x < high"),
    "tests/test_it.py": CLAMP_TEST,
}


@pytest.fixture(scope="module", params=["asyncio", "trio"])
def mended(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Told:
    """The episode of the flipped comparison."""
    told: Told = anyio.run(functools.partial(repair, tmp_path_factory.mktemp("mended"), BROKEN), backend=request.param)
    return told


def test_a_flipped_comparison_is_found_and_mended(mended: Told) -> None:
    assert (mended.reason, mended.passed) == ("submitted", True)


def test_an_episode_shows_a_failing_run_an_edit_and_a_passing_run(mended: Told) -> None:
    runs = [event for event in mended.events if isinstance(event, TestRun) and event.purpose == "agent"]
    assert "failed" in runs[0].outcomes.values()
    assert set(runs[-1].outcomes.values()) == {"passed"}
    assert "apply_patch" in mended.tools


@pytest.fixture(scope="module")
def anew(tmp_path_factory: pytest.TempPathFactory) -> Told:
    """The same episode, by a policy that is made anew for every turn."""
    told: Told = anyio.run(functools.partial(repair, tmp_path_factory.mktemp("anew"), BROKEN, policy=Fresh()))
    return told


def test_a_policy_made_anew_for_every_turn_gives_the_same_episode(mended: Told, anew: Told) -> None:
    assert mended.digest == anew.digest


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


def test_tests_are_never_edited(mended: Told) -> None:
    changes = [event.changes for event in mended.events if isinstance(event, ToolResult) and event.changes]
    assert {file.path for change in changes for file in change.files} == {"shapes/clamp.py"}


@ONE_LOOP
async def test_a_loop_without_end_is_survived_and_mended(tmp_path: Path) -> None:
    source = (
        "def digits(n):\n    count = 1\n    while n >= 10:\n        n = n / 1\n        count += 1\n    return count\n"
    )
    test = "from m import digits\n\n\ndef test_it():\n    assert digits(100) == 3\n    assert digits(7) == 1\n"
    told = await repair(tmp_path, {"m.py": source, "tests/test_it.py": test})
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
