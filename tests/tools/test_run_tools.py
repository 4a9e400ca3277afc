"""Tools that run things, in a real workspace."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

import pytest

from coding_agent.tools.base import ToolAnswer
from coding_agent.tools.run_tests import test_command as command_for
from tests.patience import LIMITS_S

Fill = Callable[[Mapping[str, bytes]], Awaitable[None]]
Call = Callable[..., Awaitable[ToolAnswer]]


async def test_a_command_says_how_it_ended_and_what_it_changed(call: Call) -> None:
    answer = await call("run_command", command="echo hi; echo there > f; exit 3")
    assert (answer.outcome, answer.text) == ("ok", "exit status 3\nhi\n")
    assert answer.changes is not None
    assert [(change.path, change.data) for change in answer.changes.files] == [("f", b"there\n")]


async def test_a_command_that_takes_too_long_is_killed_and_keeps_its_output(call: Call) -> None:
    for limit_s in LIMITS_S:
        answer = await call("run_command", command="echo begun; exec cat /dev/zero > /dev/null", timeout_s=limit_s)
        if "begun" in answer.text:
            break
    said = f"timed out after {limit_s:g} s; everything it started was killed\nbegun\n"
    assert (answer.outcome, answer.text) == ("timeout", said)


async def test_long_output_keeps_its_ends_and_says_what_is_dropped(call: Call) -> None:
    answer = await call("run_command", command="seq 1000")
    assert answer.dropped is not None
    assert answer.text.startswith("exit status 0\n1\n2\n")
    assert answer.text.endswith("\n999\n1000\n")
    assert f"[{answer.dropped.bytes} bytes dropped]" in answer.text


async def test_a_command_that_no_shell_could_be_given_is_denied(call: Call) -> None:
    answer = await call("run_command", command="é" * 70_000)
    assert (answer.outcome, answer.changes) == ("denied", None)


async def test_tests_are_run_and_reported(fill: Fill, call: Call) -> None:
    await fill({"test_a.py": b"def test_good():\n    pass\n\ndef test_bad():\n    assert 3 == 4\n"})
    answer = await call("run_tests")
    assert answer.test is not None
    assert answer.test.outcomes == {"test_a.py::test_good": "passed", "test_a.py::test_bad": "failed"}
    assert answer.test_command == ("python", "-m", "pytest", "-q")
    assert answer.changes is not None


async def test_only_the_tests_asked_for_are_run(fill: Fill, call: Call) -> None:
    await fill({"test_a.py": b"def test_good():\n    pass\n\ndef test_bad():\n    assert 3 == 4\n"})
    answer = await call("run_tests", tests=["test_a.py::test_good"])
    assert answer.test is not None
    assert list(answer.test.outcomes) == ["test_a.py::test_good"]


async def test_options_are_no_tests(call: Call) -> None:
    answer = await call("run_tests", tests=["-x"])
    assert (answer.outcome, answer.test) == ("denied", None)


@pytest.mark.parametrize(
    ("own", "tests", "expected"),
    [
        (["-q", "tests"], [], ["-q", "tests"]),
        (["-q", "tests"], ["a::b"], ["-q", "a::b"]),
        (["-p", "no:x", "tests", "-k", "slow", "--tb=no"], ["a"], ["-p", "no:x", "-k", "slow", "--tb=no", "a"]),
    ],
)
def test_chosen_tests_take_the_place_of_the_commands_own(own: list[str], tests: list[str], expected: list[str]) -> None:
    launch = ["python", "-m", "pytest"]
    assert command_for([*launch, *own], tests) == (*launch, *expected)


async def test_a_submission_is_acknowledged(call: Call) -> None:
    assert (await call("submit", status="solved", summary="done")).text == "Submitted as solved."
