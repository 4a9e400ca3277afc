"""Executing replay: the world gives again what it gave, or the first answer that differs is named."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio
import attrs
import pytest

from coding_agent.errors import UsageError
from coding_agent.events.schema import Event, TestRun, ToolResult
from coding_agent.replay.execute import Execution, execute
from coding_agent.replay.normalise import comparable, normalise
from coding_agent.sandbox.base import SandboxSpec
from coding_agent.sandbox.registry import make_backend
from coding_agent.store.reader import read_events
from coding_agent.store.rundir import blobs_of
from coding_agent.tasks.load import load_task
from tests.rollout.worlds import FIX, SUBMIT, TASK, job, roll_out, script

ROOT = Path(__file__).parents[2]
NOISE = (
    "run_command",
    '{"command": "date -Ins | tee when.txt; mktemp -d; echo took $(date +%N) ms; head -c 99999 /dev/zero >big"}',
)
POLICY = script(("run_tests", "{}"), ("no_tool", "{}"), NOISE, FIX, ("run_tests", "{}"), SUBMIT)
GROW = ("run_command", '{"command": "od -An -N8 -tx8 /dev/urandom > number.txt"}')


async def again(events: Sequence[Event], *, log: Path, kind: str = "local", **options: Any) -> Execution:
    backend = make_backend(kind)
    read_blob = blobs_of(log).get
    return await execute(events, TASK, backend=backend, spec=SandboxSpec(), read_blob=read_blob, **options)


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("execute") / "run"
    anyio.run(functools.partial(roll_out, folder, [job(POLICY)]))
    return folder / "episodes/toy/0.0.jsonl"


@pytest.mark.parametrize("kind", ["local", "bubblewrap"])
async def test_an_episode_is_executed_again_and_gives_the_same_but_for_times_and_names(log: Path, kind: str) -> None:
    done = await again(read_events(log), log=log, kind=kind)
    assert done == Execution(calls=6, graded=True, skipped=0, differences=(), complete=True)


async def test_the_first_answer_that_differs_ends_it_by_field(log: Path) -> None:
    events = list(read_events(log))
    at = next(
        seq for seq, event in enumerate(events) if isinstance(event, ToolResult) and "<t" in normalise(event.text)
    )
    result = events[at]
    assert isinstance(result, ToolResult)
    events[at] = attrs.evolve(result, text=result.text.replace("took", "needed"))
    done = await again(events, log=log)
    (found,) = done.differences
    assert (found.seq, found.tool, found.path, done.complete, done.calls) == (
        at,
        "run_command",
        "tool_result.text",
        False,
        3,
    )
    assert "needed" in str(found.recorded)
    assert "took" in str(found.executed)


async def test_keep_going_finds_each_difference_once_and_no_echo_of_it(tmp_path: Path) -> None:
    look = ("run_command", '{"command": "cat number.txt"}')
    (outcome,) = await roll_out(tmp_path / "run", [job(script(GROW, look, look, FIX, GROW, SUBMIT))])
    done = await again(read_events(outcome.path), log=outcome.path, keep_going=True)
    assert [found.path for found in done.differences] == ["tool_result.changes.files[0].text"] * 2
    assert (done.calls, done.graded) == (6, True)


async def test_a_grade_that_comes_out_differently_is_a_difference(log: Path) -> None:
    events = list(read_events(log))
    grade = events[-2]
    assert isinstance(grade, TestRun)
    events[-2] = attrs.evolve(grade, outcomes={**grade.outcomes, "tests/test_hidden.py::test_five": "failed"})
    (found,) = (await again(events, log=log)).differences
    assert (found.seq, found.call) == (len(events) - 2, None)


async def test_a_tree_that_comes_out_differently_is_a_difference(log: Path) -> None:
    events = list(read_events(log))
    at = next(seq for seq, event in enumerate(events) if isinstance(event, TestRun))
    run = events[at]
    assert isinstance(run, TestRun)
    assert run.changes is not None
    events[at] = attrs.evolve(run, tree="0" * 64, changes=attrs.evolve(run.changes, tree="0" * 64))
    assert (await again(events, log=log)).differences[0].path == "test_run.tree"


async def test_another_task_is_refused(log: Path) -> None:
    other = attrs.evolve(TASK, statement="other")
    with pytest.raises(UsageError, match="as it was"):
        await execute(
            read_events(log), other, backend=make_backend("local"), spec=SandboxSpec(), read_blob=blobs_of(log).get
        )


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_a_recorded_repair_is_reproducible() -> None:
    path = ROOT / "replays/ep123.jsonl"
    task, backend = load_task(ROOT / "tasks/interval-gap"), make_backend("bubblewrap")
    done = await execute(read_events(path), task, backend=backend, spec=SandboxSpec(), read_blob=blobs_of(path).get)
    assert (done.differences, done.graded) == ((), True)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("3 passed in 0.12s", "3 passed in 1.4s"),
        ("<Node object at 0x7f12ab34>", "<Node object at 0x55d0>"),
        ("took 12 ms", "took 7.25 ms"),
        ("at 2026-01-31 10:00:00,123", "at 2027-12-01 23:59:59"),
        ("in /tmp/tmpab12_d3f/x", "in /tmp/tmpzzzzzzzz/x"),
    ],
)
def test_what_two_executions_may_differ_in_is_replaced(one: str, other: str) -> None:
    assert normalise(one) == normalise(other)


@pytest.mark.parametrize(
    ("one", "other"), [("3 passed", "4 passed"), ("2 s", "2 files"), ("line 12", "line 13"), ("0x1f", "0x2f")]
)
def test_what_means_something_is_not(one: str, other: str) -> None:
    assert normalise(one) != normalise(other)


def test_the_tree_of_a_test_run_is_not_compared_where_its_files_may_differ() -> None:
    recorded = read_events(ROOT / "replays/ep123.jsonl")
    ran = next(event for event in recorded if isinstance(event, TestRun) and event.tree)
    assert comparable(attrs.evolve(ran, tree="another")) == comparable(ran)
