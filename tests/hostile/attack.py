"""Playing hostile programs beside neighbours, and what came of it."""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path

import anyio
import attrs

from coding_agent.replay.sealed import replay_log
from coding_agent.rollout.scheduler import Outcome
from coding_agent.sandbox.registry import make_backend
from coding_agent.store.reader import read_events, read_records
from coding_agent.store.rundir import RunDirectory
from tests.hostile.clock import Lateness, TimedBackend, idle_within
from tests.hostile.neighbours import (
    Neighbour,
    beside_honest_company,
    kept_waiting,
    living_next_door,
    neighbour,
    starved,
)
from tests.hostile.program import Program, played_as
from tests.hostile.staging import episode, escapes, name_of, untruths
from tests.hostile.witnesses import Canaries, Holdings, adopting_orphans, canaries, holdings
from tests.patience import PATIENCE_S
from tests.rollout.worlds import play_jobs

IDLE_S = 20.0
"""How long is waited for the processors to be idle before something is tried again."""
LATE_S = 1.0
"""After its timeout a command or a test run must be over within this time; the suite only holds it to ten times as much."""
TRIES = 3
"""How often what was late is tried again alone: one outlier is the machine's."""


@attrs.frozen(kw_only=True)
class Verdict:
    """What one program came to."""

    program: Program
    runs: int
    """Stages that it was played in."""
    escapes: tuple[str, ...]
    untruths: tuple[str, ...]
    late_s: float
    """By how much its slowest command or test run outlived its timeout; 0 for what ended in time."""
    times: tuple[tuple[str, str], ...] = ()
    """When each of its episodes began and ended, as the logs have times."""
    busy: bool = False
    """Others kept the processors busy, so that lateness says little of the sandbox."""

    def and_(self, other: Verdict) -> Verdict:
        return attrs.evolve(
            self, runs=self.runs + other.runs, escapes=(*self.escapes, *other.escapes),
            untruths=(*self.untruths, *other.untruths), late_s=max(self.late_s, other.late_s),
            times=(*self.times, *other.times),
        )  # fmt: skip


@attrs.frozen(kw_only=True)
class Report:
    """What the corpus came to. Every tuple is empty where all is well."""

    verdicts: tuple[Verdict, ...]
    harm: tuple[str, ...]
    """What was done to the host by some program or other."""
    neighbours: int
    starved: tuple[str, ...]
    kept_waiting: tuple[str, ...]
    """Programs beside which alone a neighbour had to wait, too."""
    outliers: tuple[str, ...]
    """Neighbours that had to wait once, beside programs beside which alone none has to."""
    leftovers: tuple[str, ...]
    slowest: float
    """The slowest neighbour, as a multiple of the median one."""

    @property
    def runs(self) -> int:
        return sum(verdict.runs for verdict in self.verdicts)

    @property
    def escaped(self) -> list[str]:
        return [*self.harm, *(f"{each.program.name}: {what}" for each in self.verdicts for what in each.escapes)]

    @property
    def untrue(self) -> list[str]:
        return [f"{each.program.name}: {what}" for each in self.verdicts for what in each.untruths]

    def late(self, bound_s: float) -> list[str]:
        """Programs that outlived their timeout by more; by ten times as much where others kept the machine busy."""
        return [
            f"{v.program.name}: {v.late_s:.1f} s" for v in self.verdicts if v.late_s > bound_s * (10 if v.busy else 1)
        ]


def attack(
    programs: Sequence[Program], folder: Path, *, kind: str = "bubblewrap", lanes: int = 3, timing: bool = False
) -> Report:
    """Every program in every stage, `lanes` at a time, with neighbours all the while.

    `folder` must be where anybody may go, and empty. What was late is tried again alone, where only it can be the reason.
    With `timing` it is late that much sooner, and neighbours are compared with what they are beside honest episodes.
    """
    with adopting_orphans(), _scratch(folder), canaries(folder / "canaries") as watched:
        token = watched.tokens["neighbour"]
        usual = anyio.run(neighbour, folder / "before", token, kind).outcome
        assert usual.passed, f"the neighbour does not even solve its task when it is alone: {usual}"
        before = holdings(folder / "scratch", kind)
        calm = anyio.run(beside_honest_company, folder / "calm", token, kind, lanes) if timing else ()
        verdicts, beside = anyio.run(_play, programs, folder, watched, kind, lanes)
        bound_s = LATE_S if timing else 10 * LATE_S
        verdicts = [_punctual(verdict, folder, watched, kind, bound_s) for verdict in verdicts]
        took = [each.took_s for each in beside]
        slow = kept_waiting(calm, beside)
        guilty = list(_guilty(_company(verdicts, slow), folder, watched, kind, calm))
        return Report(
            verdicts=tuple(verdicts), harm=tuple(watched.harm(folder / "run")), neighbours=len(beside),
            starved=tuple(starved(usual, beside)), kept_waiting=tuple(guilty),
            outliers=() if guilty else tuple(_outlier(each, verdicts) for each in slow),
            leftovers=tuple(_left(before, folder / "scratch", kind)), slowest=max(took) / statistics.median(took),
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


def _left(before: Holdings, scratch: Path, kind: str) -> list[str]:
    # A process that was just killed may still be on its way out.
    left = list(holdings(scratch, kind).left(before))
    deadline = time.monotonic() + PATIENCE_S
    while left and time.monotonic() < deadline:
        time.sleep(0.05)
        left = list(holdings(scratch, kind).left(before))
    return left


async def _play(
    programs: Sequence[Program], folder: Path, watched: Canaries, kind: str, lanes: int
) -> tuple[list[Verdict], Sequence[Neighbour]]:
    async with living_next_door(folder / "doors", watched.tokens["neighbour"], kind) as beside:
        verdicts = await _verdicts(programs, folder / "run", watched, kind, lanes)
    return verdicts, beside


async def _verdicts(
    programs: Sequence[Program], folder: Path, watched: Canaries, kind: str, lanes: int
) -> list[Verdict]:
    world = watched.world(folder)
    parts = {name_of(part): part for program in programs for part in played_as(program, world)}
    lateness = Lateness()
    jobs = [episode(part, watched.tokens) for part in parts.values()]
    outcomes = await play_jobs(
        RunDirectory.create(folder, {}), jobs, backend=TimedBackend(real=make_backend(kind), lateness=lateness),
        concurrency=lanes, observer=lateness.observe,
    )  # fmt: skip
    found: dict[str, Verdict] = {}
    for outcome in outcomes:
        verdict = _judge(parts[outcome.task], outcome, lateness.latest)
        name = verdict.program.name
        found[name] = found[name].and_(verdict) if name in found else verdict
    return list(found.values())


def _judge(program: Program, outcome: Outcome, latest: Mapping[str, float]) -> Verdict:
    events, records = read_events(outcome.path), list(read_records(outcome.path))
    untrue = list(untruths(program, events))
    if replay_log(outcome.path).divergence is not None:
        untrue.append("its log does not replay")
    return Verdict(
        program=program, runs=len(program.stages), escapes=tuple(escapes(events)), untruths=tuple(untrue),
        late_s=latest.get(name_of(program), 0.0), times=((records[0].at, records[-1].at),),
    )  # fmt: skip


def _punctual(verdict: Verdict, folder: Path, watched: Canaries, kind: str, bound_s: float) -> Verdict:
    """The verdict; if it was late beside others, with how late it is alone, as soon as the machine has time for it."""
    for _ in range(TRIES):
        if verdict.late_s <= bound_s:
            break
        busy = not idle_within(IDLE_S)
        run = Path(tempfile.mkdtemp(dir=folder)) / "run"
        (again,) = anyio.run(_verdicts, [verdict.program], run, watched, kind, 1)
        verdict = attrs.evolve(verdict, late_s=min(verdict.late_s, again.late_s), busy=busy)
    return verdict


def _company(verdicts: Sequence[Verdict], slow: Sequence[Neighbour]) -> list[Program]:
    """Whoever was there while a slow neighbour was."""
    return [
        verdict.program
        for verdict in verdicts
        if any(began < each.ended and each.began < ended for began, ended in verdict.times for each in slow)
    ]


def _guilty(
    suspects: Sequence[Program], folder: Path, watched: Canaries, kind: str, calm: Sequence[Neighbour]
) -> Iterator[str]:
    """Those beside which, and nobody else, neighbours have to wait each time that it is tried."""
    for program in suspects:
        waits = list(takewhile(bool, (_wait_beside(program, folder, watched, kind, calm) for _ in range(TRIES))))
        if len(waits) == TRIES:
            yield f"{program.name}: a neighbour took {min(waits):.1f} s"


def _wait_beside(program: Program, folder: Path, watched: Canaries, kind: str, calm: Sequence[Neighbour]) -> float:
    idle_within(IDLE_S)
    alone = Path(tempfile.mkdtemp(dir=folder))
    _, beside = anyio.run(_play, [program], alone, watched, kind, 1)
    return max((each.took_s for each in kept_waiting(calm, beside)), default=0.0)


def _outlier(slow: Neighbour, verdicts: Sequence[Verdict]) -> str:
    beside = ", ".join(program.name for program in _company(verdicts, [slow]))
    return (
        f"a neighbour took {slow.took_s:.1f} s once beside {beside}; beside each of them alone, none is slow each time"
    )
