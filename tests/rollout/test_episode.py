from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar, cast

import anyio
import attrs
import pytest

from coding_agent.errors import PolicyUnavailable, StoreError
from coding_agent.events.schema import Done, Event, Notice, Stopped, TestRun, ToolResult
from coding_agent.events.values import Limits
from coding_agent.policies.base import ContextOverflow, PolicyReply, PolicyRequest
from coding_agent.projections.patch import patch
from coding_agent.projections.reward import reward
from coding_agent.replay.sealed import replay_log
from coding_agent.rollout.scheduler import Outcome
from coding_agent.sandbox.base import Sandbox, SandboxSpec
from coding_agent.sandbox.local import LocalBackend
from coding_agent.store.reader import read_events, verify
from tests.patience import LIMITS_S
from tests.rollout.below import ancestry, children, is_asleep
from tests.rollout.worlds import FIX, SOLVE, SUBMIT, TASK, Dying, job, roll_out, script
from tests.samples import no_blob


def events_of(outcome: Outcome) -> tuple[Event, ...]:
    assert replay_log(outcome.path).divergence is None
    return read_events(outcome.path)


@pytest.mark.parametrize("kind", ["local", "bubblewrap"])
async def test_an_agent_fails_a_test_edits_and_passes(tmp_path: Path, kind: str) -> None:
    (outcome,) = await roll_out(tmp_path / "run", [job(SOLVE)], kind=kind)
    events = events_of(outcome)
    runs = [event for event in events if isinstance(event, TestRun)]
    assert [run.exit_status for run in runs] == [1, 0, 1]  # graded beside a test that must fail
    assert runs[0].failures[0].message == "assert 5 == 6"
    assert (outcome.reason, outcome.passed) == ("submitted", True)
    assert "-    return 2 + x\n+    return 2 * x" in patch(events, no_blob)


async def test_doing_nothing_is_worth_nothing(tmp_path: Path) -> None:
    (outcome,) = await roll_out(tmp_path / "run", [job(script(SUBMIT))])
    assert reward(events_of(outcome), no_blob).value == 0.0


async def test_changed_tests_are_undone_and_told(tmp_path: Path) -> None:
    cheat = (
        "write_file",
        '{"path": "tests/test_double.py", "content": "def test_three(): pass\\ndef test_two(): pass\\n"}',
    )
    (outcome,) = await roll_out(tmp_path / "run", [job(script(cheat, SUBMIT))])
    grade = events_of(outcome)[-2]
    assert isinstance(grade, TestRun)
    assert grade.tampering == ("protected: changed tests/test_double.py",)
    assert outcome.passed is False


async def test_an_unknown_tool_is_answered_with_the_tools(tmp_path: Path) -> None:
    (outcome,) = await roll_out(tmp_path / "run", [job(script(("runtests", "{}"), SUBMIT))])
    results = [event for event in events_of(outcome) if isinstance(event, ToolResult)]
    assert results[0].outcome == "denied"
    assert "Did you mean `run_tests`?" in results[0].text


async def test_a_command_leaves_its_files_and_they_are_recorded(tmp_path: Path) -> None:
    command = ("run_command", '{"command": "sed -i \'s/2 + x/2 * x/\' double.py; echo hi"}')
    (outcome,) = await roll_out(tmp_path / "run", [job(script(command, SUBMIT))])
    assert outcome.passed
    changes = [event.changes for event in events_of(outcome) if isinstance(event, ToolResult) and event.changes]
    assert [change.path for change in changes[0].files] == ["double.py"]


async def test_a_script_that_ends_early_is_the_policys_error(tmp_path: Path) -> None:
    (outcome,) = await roll_out(tmp_path / "run", [job(script(FIX))])
    stop = events_of(outcome)[-2]
    assert isinstance(stop, Stopped)
    assert (stop.cause, stop.stage, outcome.passed) == ("policy_error", "policy", None)


async def test_silence_is_reminded_and_then_ends(tmp_path: Path) -> None:
    silent = attrs.evolve(script(), replies=(PolicyReply(content="I think."),) * 3)
    (outcome,) = await roll_out(tmp_path / "run", [job(silent)])
    notices = [event for event in events_of(outcome) if isinstance(event, Notice)]
    assert (len(notices), outcome.reason) == (2, "no_tool_call")


async def test_the_turn_limit_ends_and_what_was_done_is_graded(tmp_path: Path) -> None:
    (outcome,) = await roll_out(tmp_path / "run", [job(script(FIX), limits=Limits(turns=1))])
    assert (outcome.reason, outcome.passed) == ("turn_limit", True)


async def test_a_context_that_overflows_ends_the_episode_by_name(tmp_path: Path) -> None:
    class Overlong:
        spec, privileged = "overlong", False

        async def act(self, request: PolicyRequest) -> PolicyReply:
            raise ContextOverflow(f"turn {request.turn}")

    (outcome,) = await roll_out(tmp_path / "run", [job(Overlong())])
    assert (outcome.reason, outcome.passed) == ("context_limit", False)


async def test_the_time_limit_interrupts_a_command_and_what_was_recorded_is_graded(tmp_path: Path) -> None:
    slow = script(FIX, ("run_command", '{"command": "sleep 600"}'))
    for limit_s in LIMITS_S[1:]:
        limits = Limits(seconds=limit_s / 2, command_s=600.0)
        (outcome,) = await roll_out(tmp_path / f"run-{limit_s:g}", [job(slow, limits=limits)])
        if outcome.passed:
            break
    assert (outcome.reason, outcome.passed) == ("time_limit", True)


async def test_a_sandbox_that_dies_is_retried_as_a_new_attempt_and_never_scored(tmp_path: Path) -> None:
    (outcome,) = await roll_out(tmp_path / "run", [job(SOLVE)], backend=Dying(), retries=1)
    assert (outcome.reason, outcome.passed, outcome.attempt) == ("infra_error", None, 1)
    logs = sorted((tmp_path / "run" / "episodes" / "toy").iterdir())
    assert [log.name for log in logs] == ["0.0.jsonl", "0.1.jsonl"]
    assert {verify(log).condition for log in logs} == {"sealed"}


@attrs.frozen
class Buggy:
    """Does as it is told, and what it is told is wrong."""

    fault: Callable[[], object]
    spec: str = "buggy"
    privileged: bool = False

    async def act(self, _: PolicyRequest) -> PolicyReply:
        return cast("PolicyReply", self.fault())


BUGS: dict[str, Callable[[], object]] = {
    "ZeroDivisionError: ": lambda: 1 // 0,
    "TypeError: ": lambda: len(cast("str", None)),
    "AttributeError: 'NoneType'": lambda: None,
    "StoreError: x: not its to raise": lambda: fail(StoreError("x", "not its to raise")),
}


def fail(error: Exception) -> None:
    raise error


@pytest.mark.parametrize(("says", "fault"), BUGS.items(), ids=BUGS)
async def test_a_bug_of_a_policy_is_the_policys_error_and_is_not_tried_again(
    tmp_path: Path, says: str, fault: Callable[[], object]
) -> None:
    outcomes = await roll_out(tmp_path / "run", [job(Buggy(fault)), job(SOLVE, sample=1)], retries=1)
    assert [(outcome.reason, outcome.attempt) for outcome in outcomes] == [("policy_error", 0), ("submitted", 0)]
    assert outcomes[0].detail.startswith(f"bug in the policy: {says}")
    assert events_of(outcomes[0])


async def test_a_policy_whose_server_is_away_is_an_infrastructure_failure(tmp_path: Path) -> None:
    away = Buggy(lambda: fail(PolicyUnavailable("no answer after 6 attempts")))
    (outcome,) = await roll_out(tmp_path / "run", [job(away)], retries=1)
    assert (outcome.reason, outcome.attempt) == ("infra_error", 1)
    assert outcome.detail == "no answer after 6 attempts"


async def test_a_bug_of_ours_in_one_episode_leaves_its_siblings_alone(tmp_path: Path) -> None:
    class Buggy(LocalBackend):
        opened: ClassVar[int] = 0

        @asynccontextmanager
        async def open(self, spec: SandboxSpec) -> AsyncIterator[Sandbox]:
            Buggy.opened += 1
            if Buggy.opened == 1:
                raise ZeroDivisionError
            async with LocalBackend.open(self, spec) as sandbox:
                yield sandbox

    outcomes = await roll_out(tmp_path / "run", [job(SOLVE), job(SOLVE, sample=1)], backend=Buggy())
    assert sorted(outcome.reason for outcome in outcomes) == ["infra_error", "submitted"]
    assert "bug: ZeroDivisionError: " in {outcome.detail for outcome in outcomes}


@pytest.mark.parametrize("kind", ["local", "bubblewrap"])
async def test_a_cancelled_episode_is_sealed_and_leaves_no_process(tmp_path: Path, kind: str) -> None:
    before = children()
    slow = script(("run_command", '{"command": "sleep 600"}'))
    async with anyio.create_task_group() as group:
        group.start_soon(functools.partial(roll_out, tmp_path / "run", [job(slow), job(slow, sample=1)], kind=kind))
        while sum(is_asleep(chain[0]) for chain in ancestry()) < 2:
            await anyio.lowlevel.checkpoint()
        group.cancel_scope.cancel()
    for log in (tmp_path / "run" / "episodes" / "toy").iterdir():
        assert verify(log).condition == "sealed"
        last = read_events(log)[-1]
        assert isinstance(last, Done)
        assert last.reason == "cancelled"
    assert children() <= before


def test_the_toy_task_has_a_digest_of_its_own() -> None:
    assert attrs.evolve(TASK, statement="other").digest != TASK.digest
    assert attrs.evolve(TASK, gold_patch="other").digest == TASK.digest
