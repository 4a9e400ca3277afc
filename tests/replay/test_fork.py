"""Forking: files and conversation as they were at an event, somebody else goes on, and nothing is run to get there."""

from __future__ import annotations

import functools
import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import attrs
import pytest

from coding_agent.errors import LogDamaged, UsageError
from coding_agent.events.codec import semantic
from coding_agent.events.schema import EpisodeStarted, Event, ModelTurn, TestRun, ToolCall, ToolResult
from coding_agent.events.upcast import Raw
from coding_agent.policies.base import Policy
from coding_agent.projections.conversation import conversation
from coding_agent.replay.fork import fork_jobs, last_open
from coding_agent.replay.sealed import first_divergence, replay_log
from coding_agent.rollout.begin import Source
from coding_agent.rollout.scheduler import Outcome
from coding_agent.sandbox.base import Sandbox, SandboxSpec
from coding_agent.sandbox.local import LocalBackend
from coding_agent.store.reader import read_decoded, read_events, read_records, verify
from coding_agent.store.rundir import RunDirectory
from coding_agent.store.writer import LogWriter
from coding_agent.tasks.load import load_task
from tests.events.test_evolution import write_raw
from tests.replay.field_mutations import resealed
from tests.replay.rewriting import forge, rewrite
from tests.rollout.worlds import FIX, SUBMIT, TASK, job, play_jobs, roll_out, script

LARGE = ("run_command", '{"command": "head -c 100000 /dev/zero > zeros; sed -i s/zero/nil/ double.py"}')
POLICY = script(("run_tests", "{}"), LARGE, ("run_command", '{"command": "sha256sum zeros"}'), FIX, SUBMIT)
AT_LARGE = 7
"""The result of the second call, which named a blob."""


@pytest.fixture(scope="module")
def parent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fork") / "run"
    anyio.run(functools.partial(roll_out, folder, [job(POLICY)]))
    return folder / "episodes/toy/0.0.jsonl"


async def fork(parent: Path, folder: Path, at: int, policy: Policy = POLICY, n_samples: int = 1) -> list[Outcome]:
    jobs = fork_jobs(parent, at, task=TASK, build=lambda _: policy, n_samples=n_samples)
    return await play_jobs(RunDirectory.create(folder, {}), jobs)


def body(events: tuple[Event, ...]) -> list[object]:
    return [semantic(event) for event in events[1:]]


async def test_the_parents_own_policy_goes_the_parents_way_from_any_event(
    parent: Path, tmp_path: Path, anyio_backend_name: str
) -> None:
    whole = read_events(parent)
    over = len(whole) - 5
    for at in range(anyio_backend_name == "trio", over, 2):
        (outcome,) = await fork(parent, tmp_path / str(at), at)
        assert body(read_events(outcome.path)) == body(whole), at
        assert replay_log(outcome.path).divergence is None


async def test_a_fork_says_where_it_left(parent: Path, tmp_path: Path) -> None:
    (outcome,) = await fork(parent, tmp_path / "fork", AT_LARGE)
    header = read_events(outcome.path)[0]
    assert isinstance(header, EpisodeStarted)
    assert header.parent is not None
    assert (header.parent.episode, header.parent.seq) == ("toy.0.0", AT_LARGE)
    assert header.parent.chain == list(read_records(parent))[AT_LARGE].chain
    assert header.episode == f"toy.0.0@{AT_LARGE}.0.0"


async def test_another_policy_finds_files_and_conversation_as_they_were(parent: Path, tmp_path: Path) -> None:
    look = ("run_command", '{"command": "wc -c zeros; cat double.py"}')
    other = script(("none", "{}"), ("none", "{}"), look, SUBMIT)
    (outcome,) = await fork(parent, tmp_path / "fork", AT_LARGE, other)
    events, old = read_events(outcome.path), read_events(parent)
    assert conversation(events)[: len(conversation(old[: AT_LARGE + 1]))] == conversation(old[: AT_LARGE + 1])
    assert any("100000 zeros\ndef double(x)" in (message.content or "") for message in conversation(events))


async def test_a_fork_is_complete_in_itself(parent: Path, tmp_path: Path) -> None:
    (outcome,) = await fork(parent, tmp_path / "fork", AT_LARGE)
    names = {path.name for path in (tmp_path / "fork/blobs").iterdir()}
    assert names == {path.name for path in (parent.parents[2] / "blobs").iterdir()}
    assert verify(outcome.path).condition == "sealed"


async def test_samples_differ_by_seed_and_the_first_has_the_parents(parent: Path, tmp_path: Path) -> None:
    outcomes = await fork(parent, tmp_path / "fork", AT_LARGE, n_samples=3)
    headers = [read_events(path)[0] for path in [parent, *(outcome.path for outcome in outcomes)]]
    seeds = [header.seed for header in headers if isinstance(header, EpisodeStarted)]
    assert seeds[0] == seeds[1]
    assert len(set(seeds)) == 3


@pytest.mark.parametrize(("back", "message"), [(1, "or earlier"), (5, "or earlier"), (-5, "has no event")])
def test_an_event_after_which_nobody_can_act_is_refused_with_the_last_that_can_be(
    parent: Path, back: int, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        fork_jobs(parent, len(read_events(parent)) - back, task=TASK, build=lambda _: POLICY, n_samples=1)


def test_the_last_event_that_can_be_forked_is_before_one_that_may_not_stand_there(parent: Path, tmp_path: Path) -> None:
    log = forge(Path(shutil.copy(parent, tmp_path)), lambda lines: lines.insert(-1, lines[1]))
    with pytest.raises(UsageError, match="is over at event 16; fork it at 13 or earlier"):
        fork_jobs(log, 16, task=TASK, build=lambda _: POLICY, n_samples=1)


def reworded(parent: Path, folder: Path) -> Path:
    """A log whose third call was another than the one that its turn made: today's code derives the events before."""
    return rewrite(
        parent, folder / "other.jsonl", ToolCall, arguments={"command": "x"}, where=lambda e: e.call == "3.0"
    )


def test_a_history_that_today_is_not_derived_is_refused_with_its_first_divergence(parent: Path, tmp_path: Path) -> None:
    other = reworded(parent, tmp_path)
    found = replay_log(other).divergence
    assert found is not None
    for at in range(found.seq):
        fork_jobs(other, at, task=TASK, build=lambda _: POLICY, n_samples=1)
    with pytest.raises(UsageError) as refused:
        fork_jobs(other, found.seq + 1, task=TASK, build=lambda _: POLICY, n_samples=1)
    for part in (
        f"event {found.seq} (line {found.seq + 1})  RPL-FIELD  tool_call.arguments.command differs",
        f"`coding-agent replay {other}` says more, and it can be forked at {found.seq - 1} or earlier",
    ):
        assert part in str(refused.value)


def test_a_log_that_is_not_the_one_which_the_manifest_names_is_refused(parent: Path, tmp_path: Path) -> None:
    run = shutil.copytree(parent.parents[2], tmp_path / "run")
    log = run / parent.relative_to(parent.parents[2])
    rewrite(parent, tmp_path / "other.jsonl", EpisodeStarted, harness="another").replace(log)
    with pytest.raises(LogDamaged, match="manifest.jsonl names another head"):
        fork_jobs(log, 3, task=TASK, build=lambda _: POLICY, n_samples=1)


def test_a_given_field_that_was_changed_is_refused_too(parent: Path, tmp_path: Path) -> None:
    lines = parent.read_bytes().splitlines(keepends=True)
    at = next(number for number, line in enumerate(lines) if b'"type":"tool_result"' in line and b"zeros" in line)
    lines[at] = lines[at].replace(b'"text":"', b'"text":"lies ', 1)
    (tmp_path / "lies.jsonl").write_bytes(resealed(lines))
    with pytest.raises(UsageError, match=f"event {at} .*RPL-GIVEN"):
        fork_jobs(tmp_path / "lies.jsonl", at, task=TASK, build=lambda _: POLICY, n_samples=1)


def test_fields_of_a_newer_release_and_the_states_of_an_older_format_are_no_reason_to_refuse(
    parent: Path, tmp_path: Path
) -> None:
    with LogWriter.create(tmp_path / "newer.jsonl") as newer:
        for event in read_events(parent):
            newer.append(event, unknown={("mood",): "good"} if isinstance(event, ModelTurn) else {})
    assert fork_jobs(tmp_path / "newer.jsonl", AT_LARGE, task=TASK, build=lambda _: POLICY, n_samples=1)
    header, *rest = [(record.type, record.data) for record in read_records(parent)]
    write_raw(tmp_path / "zero.jsonl", [(header[0], {**header[1], "format": 0}), *rest])
    older = list(read_decoded(tmp_path / "zero.jsonl", upcasters={0: raised}))
    assert first_divergence(older) is None
    assert isinstance(call := older[2].event, ToolCall)
    assert first_divergence([*older[:2], attrs.evolve(older[2], event=attrs.evolve(call, tool="x"))]) is not None


def raised(name: str, data: Any) -> list[Raw]:
    """An invented format 0, which says of itself that it is 0."""
    return [(name, {**data, "format": 1} if name == "episode_started" else data)]


@attrs.frozen
class Noting(LocalBackend):
    """A real sandbox that takes note of what it is asked to run or to edit."""

    asked: list[str] = attrs.field(factory=list)

    @asynccontextmanager
    async def open(self, spec: SandboxSpec) -> AsyncIterator[Sandbox]:
        async with LocalBackend.open(self, spec) as sandbox:
            for name in ("exec", "test", "edit"):
                setattr(sandbox, name, functools.partial(self._note, name, getattr(sandbox, name)))
            yield sandbox

    async def _note(
        self, name: str, then: Callable[..., Awaitable[object]], *values: object, **named: object
    ) -> object:
        self.asked.append(name)
        return await then(*values, **named)


FILES = Path(__file__).parents[2] / "replays" / "files.jsonl"
"""A recorded episode: a blob, binary data, a symbolic link, a mode, a name in no encoding, a deleted file."""
AT_ONCE = script(*[SUBMIT] * 9)
RECORDED = attrs.evolve(TASK, limits=attrs.evolve(TASK.limits, seconds=60.0, command_s=10.0, test_s=20.0))
"""The toy task as it was when those episodes were recorded."""


async def submitted(log: Path, at: int, folder: Path) -> tuple[Path, list[str]]:
    """Fork there and submit: the new log, and what was asked of sandboxes."""
    backend = Noting()
    jobs = fork_jobs(log, at, task=RECORDED, build=lambda _: AT_ONCE, n_samples=1)
    (outcome,) = await play_jobs(RunDirectory.create(folder, {}), jobs, backend=backend)
    return outcome.path, backend.asked


def tree_of(log: Path) -> str:
    return next(event.tree for event in read_events(log) if isinstance(event, TestRun) and event.purpose == "grade")


async def test_nothing_is_executed_to_get_there_nor_for_a_fork_of_a_fork(tmp_path: Path) -> None:
    results = [seq for seq, event in enumerate(read_events(FILES)) if isinstance(event, ToolResult)]
    trees = set()
    for at in results[:-1]:
        fork, asked = await submitted(FILES, at, tmp_path / f"{at}")
        again, asked_again = await submitted(fork, at, tmp_path / f"{at}-again")
        assert asked == asked_again == ["test"], "only the grade"
        assert tree_of(fork) == tree_of(again)
        trees.add(tree_of(fork))
    assert len(trees) == len(results) - 1


@pytest.mark.parametrize("name", ["files", "silence", "many-calls", "time-limit", "turn-limit", "resumed", "gold"])
def test_each_event_of_a_recorded_episode_can_be_forked_or_names_the_last_that_can(name: str) -> None:
    log = FILES.with_name(f"{name}.jsonl")
    events = read_events(log)
    header = events[0]
    assert isinstance(header, EpisodeStarted)
    task = RECORDED if header.task == TASK.id else load_task(FILES.parents[1] / "tasks" / header.task)
    last = last_open(read_decoded(log), header.limits)
    for at in range(len(events)):
        try:
            (job,) = fork_jobs(log, at, task=task, build=lambda _: POLICY, n_samples=1)
            assert job.source == Source(log=log, at=at)
        except UsageError as error:
            assert f"over at event {at}; fork it at {last} or earlier" in str(error)  # noqa: PT017
    fork_jobs(log, last, task=task, build=lambda _: POLICY, n_samples=1)
