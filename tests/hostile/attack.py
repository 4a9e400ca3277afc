"""Playing hostile programs beside neighbours, and what came of it."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import anyio
import attrs

from coding_agent.events.schema import Event, TestRun, ToolCall, ToolResult
from coding_agent.replay.sealed import replay_log
from coding_agent.rollout.scheduler import Outcome
from coding_agent.rollout.world import Stage
from coding_agent.store.reader import read_events
from coding_agent.store.rundir import RunDirectory
from tests.hostile.program import Program, substituted
from tests.hostile.staging import LONG_S, SHORT_S, STAGES, episode, escapes, untruths
from tests.hostile.witnesses import Canaries, Holdings, adopting_orphans, canaries, holdings
from tests.rollout.worlds import SOLVE, job, play_jobs

LATE_S = 1.0
"""After its timeout a program must be over within this time; tests only hold it to ten times as much."""


@attrs.frozen(kw_only=True)
class Verdict:
    """What one program came to."""

    program: Program
    escapes: tuple[str, ...]
    untruths: tuple[str, ...]
    late_s: float
    """By how much its slowest stage outlived its limit; 0 for one that ended in time."""


@attrs.frozen(kw_only=True)
class Report:
    """What the corpus came to. Every tuple is empty where all is well."""

    verdicts: tuple[Verdict, ...]
    neighbours: int
    starved: tuple[str, ...]
    leftovers: tuple[str, ...]
    slowest: float
    """The slowest neighbour, as a multiple of the median one."""

    @property
    def runs(self) -> int:
        """A program has a run in every stage; patches and tool calls are played once, as what they are."""
        return sum(1 if verdict.program.kind == "toml" else len(STAGES) for verdict in self.verdicts)

    @property
    def escaped(self) -> list[str]:
        return [f"{each.program.name}: {what}" for each in self.verdicts for what in each.escapes]

    @property
    def untrue(self) -> list[str]:
        return [f"{each.program.name}: {what}" for each in self.verdicts for what in each.untruths]

    @property
    def late(self) -> list[str]:
        return [f"{v.program.name}: {v.late_s:.1f} s" for v in self.verdicts if v.late_s > 10 * LATE_S]


def attack(programs: Sequence[Program], folder: Path, *, lanes: int = 3) -> Report:
    """Every program in every stage, `lanes` at a time, with neighbours all the while.

    `folder` must be where anybody may go, and empty.
    """
    with adopting_orphans(), _scratch(folder), canaries(folder / "canaries") as watched:
        usual, _ = anyio.run(_neighbour, folder / "before")
        assert usual.passed, f"the neighbour does not even solve its task when it is alone: {usual}"
        before = holdings(folder / "scratch")
        verdicts, beside = anyio.run(_play, programs, folder, watched, lanes)
        return Report(
            verdicts=tuple(verdicts), neighbours=len(beside), starved=tuple(_starved(usual, beside)),
            leftovers=tuple(_left(before, folder / "scratch")),
            slowest=max(took for _, took in beside) / statistics.median(took for _, took in beside),
        )  # fmt: skip


@contextmanager
def _scratch(folder: Path) -> Iterator[None]:
    """A directory for temporary files of which we know what is in it."""
    previous, tempfile.tempdir = tempfile.tempdir, str(folder / "scratch")
    (folder / "scratch").mkdir()
    folder.chmod(0o755)
    try:
        yield
    finally:
        tempfile.tempdir = previous


def _left(before: Holdings, scratch: Path) -> list[str]:
    # A process that was just killed may still be on its way out.
    left = list(holdings(scratch).left(before))
    deadline = time.monotonic() + 10 * LATE_S
    while left and time.monotonic() < deadline:
        time.sleep(0.05)
        left = list(holdings(scratch).left(before))
    return left


async def _play(
    programs: Sequence[Program], folder: Path, watched: Canaries, lanes: int
) -> tuple[list[Verdict], list[tuple[Outcome, float]]]:
    run = RunDirectory.create(folder / "run", {})
    world = watched.world(folder / "run")
    filled = {program.name.replace("/", "."): substituted(program, world) for program in programs}
    clock, beside, over = _Clock(), list[tuple[Outcome, float]](), anyio.Event()

    async def live_next_door() -> None:
        while not over.is_set():
            beside.append(await _neighbour(folder / f"neighbour-{len(beside)}"))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(live_next_door)
        jobs = [episode(program) for program in filled.values()]
        outcomes = await play_jobs(run, jobs, kind="bubblewrap", concurrency=lanes, observer=clock.observe)
        over.set()
    harm = list(watched.harm())
    verdicts = [_judge(filled[outcome.task], outcome, clock) for outcome in outcomes]
    if harm:
        verdicts[0] = attrs.evolve(
            verdicts[0], escapes=(*verdicts[0].escapes, *(f"by some program: {h}" for h in harm))
        )
    return verdicts, beside


def _judge(program: Program, outcome: Outcome, clock: _Clock) -> Verdict:
    events = read_events(outcome.path)
    untrue = list(untruths(program, events))
    if replay_log(outcome.path).divergence is not None:
        untrue.append("its log does not replay")
    limit = SHORT_S if program.runs_out_of_time else LONG_S
    late = max(0.0, clock.slowest(outcome.path.parent.name) - limit)
    return Verdict(program=program, escapes=tuple(escapes(events)), untruths=tuple(untrue), late_s=late)


async def _neighbour(folder: Path) -> tuple[Outcome, float]:
    """An honest episode, and how long it took."""
    began = time.monotonic()
    (outcome,) = await play_jobs(RunDirectory.create(folder, {}), [job(SOLVE)], kind="bubblewrap")
    return outcome, time.monotonic() - began


def _starved(usual: Outcome, beside: Sequence[tuple[Outcome, float]]) -> Iterator[str]:
    for outcome, took in beside:
        if outcome.semantic_digest != usual.semantic_digest:
            yield f"a neighbour ended as {outcome.reason}, passed {outcome.passed}, after {took:.1f} s"


class _Clock:
    """How long each episode's calls and test runs took, from the events as they were written."""

    def __init__(self) -> None:
        self._began: dict[str, float] = {}
        self._slowest: dict[str, float] = {}

    def observe(self, name: str, stage: Stage, event: Event | None) -> None:
        task = name.rsplit(".", 2)[0]
        if isinstance(event, ToolCall) or (event is None and stage == "grade"):
            self._began[task] = time.monotonic()
        elif isinstance(event, ToolResult | TestRun) and task in self._began:
            took = time.monotonic() - self._began.pop(task)
            self._slowest[task] = max(took, self._slowest.get(task, 0.0))

    def slowest(self, task: str) -> float:
        return self._slowest.get(task, 0.0)
