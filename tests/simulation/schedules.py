"""One seed, one schedule: how many episodes, how crowded, what fails, where it is cancelled; and what must hold after it.

python -m tests.simulation SEED [COUNT]     runs that schedule (and those after it) again and says what is wrong
"""

from __future__ import annotations

import functools
import os
import random
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import attrs

from coding_agent.events.codec import semantic
from coding_agent.events.line import canonical
from coding_agent.events.schema import Done, EpisodeStarted, Event, Resumed, Stopped
from coding_agent.policies.simulated import SimulatedModel
from coding_agent.rollout.resume import plan
from coding_agent.rollout.scheduler import Job
from coding_agent.sandbox.simulated import SeededFaults, SimulatedBackend
from coding_agent.store.manifest import read_manifest
from coding_agent.store.reader import read_events
from coding_agent.store.rundir import RunDirectory
from coding_agent.store.writer import Durability
from tests.simulation.worlds import Buggy, Places, Ran, jobs, roll_out

WORLDS = 6
"""Different sets of episodes; each is played once undisturbed and alone, and then on many schedules."""
MODEL = SimulatedModel(fails=0.02, overflows=0.01)
CANCEL_S = 2.0
"""Of virtual time, from cancellation to the last episode's end."""
Meaning = tuple[bytes, ...]
"""One episode: the canonical bytes of each event's semantic fields, without what says which life it was."""


@attrs.frozen(kw_only=True)
class Schedule:
    """What a seed stands for."""

    seed: int
    places: Places
    faults: SeededFaults
    retries: int
    cancel_at: int
    """The step of the run at which it is cancelled; 0 for never."""
    durability: Durability = "none"
    only: tuple[int, ...] = ()
    """Which of the world's episodes; none for all."""

    @property
    def world(self) -> int:
        return self.seed % WORLDS

    @property
    def jobs(self) -> list[Job]:
        found = episodes(self.world)
        return [found[index] for index in self.only] or found


def schedule(seed: int) -> Schedule:
    """Every second one is cancelled somewhere. There are as many retries as failures, so every episode gets through."""
    draws = random.Random(f"schedule {seed}")
    refused = frozenset(draws.sample(range(8), draws.choice((0, 0, 1, 2))))
    few = functools.partial(draws.choice, (1, 2, 3, 8))
    faults = SeededFaults(
        seed=seed,
        latency_s=draws.choice((0.0, 0.1, 1.0)),
        slow=draws.choice((0.0, 0.1)),
        dies=draws.choice((0.0, 0.03, 0.1)),
        hangs=draws.choice((0.0, 0.02)),
        refused=refused,
    )
    return Schedule(
        seed=seed,
        places=Places(episodes=draws.choice((1, 2, 3, 4, 8)), models=few(), sandboxes=few(), graders=few()),
        faults=faults,
        retries=2 + len(refused),
        cancel_at=draws.randint(1, 250) if seed % 2 else 0,
    )


def episodes(world: int) -> list[Job]:
    """Four tasks, one of them sampled twice, and one whose policy is broken."""
    good = [*jobs(3, MODEL, seed=world), *jobs(4, MODEL, seed=world + 100, samples=2)[6:]]
    broken = attrs.evolve(jobs(5, Buggy(), seed=world)[4])
    return [good[0], broken, *good[1:]]


@functools.cache
def undisturbed(world: int) -> dict[tuple[str, int], Meaning]:
    """Each episode as it is when nothing else runs, nothing fails and nothing takes time."""
    with scratch() as folder:
        ran = roll_out(folder / "run", episodes(world), SimulatedBackend())
        return {(outcome.task, outcome.sample): meaning(read_events(outcome.path)) for outcome in ran.outcomes}


def meaning(events: Iterable[Event]) -> Meaning:
    return tuple(_meaning(event) for event in events if not isinstance(event, Resumed))


def _meaning(event: Event) -> bytes:
    if isinstance(event, EpisodeStarted):
        event = attrs.evolve(event, episode="", attempt=0, parent=None)
    return canonical({"data": semantic(event), "type": type(event).__name__})


def campaign(seeds: Iterable[int]) -> tuple[int, list[str]]:
    """(how many schedules were tried, what was wrong, each with its seed)."""
    tried, failures = 0, []
    for seed in seeds:
        tried += 1
        failures += [f"schedule {seed}: {problem}" for problem in problems(schedule(seed))]
    return tried, failures


def play(chosen: Schedule, folder: Path, backend: SimulatedBackend) -> Ran:
    return roll_out(
        folder / "run", chosen.jobs, backend, seed=chosen.seed, places=chosen.places, retries=chosen.retries,
        cancel_at=chosen.cancel_at, durability=chosen.durability,
    )  # fmt: skip


def steps(chosen: Schedule) -> int:
    """How many steps of tasks the schedule has when nobody cancels it."""
    with scratch() as folder:
        return play(attrs.evolve(chosen, cancel_at=0), folder, SimulatedBackend(faults=chosen.faults)).steps


def problems(chosen: Schedule) -> Iterator[str]:
    """Play the schedule and hold what it left against what must be."""
    with scratch() as folder:
        backend = SimulatedBackend(faults=chosen.faults)
        before = descriptors()
        ran = play(chosen, folder, backend)
        yield from _leaks(ran, backend, before)
        yield from _manifest(ran)
        yield from _episodes(ran, undisturbed(chosen.world))
        if ran.cancelled_at is None:
            yield from _completeness(ran, chosen.jobs, undisturbed(chosen.world))
        else:
            if ran.ended_at - ran.cancelled_at > CANCEL_S:
                yield f"cancelled at {ran.cancelled_at:.3f} s, ended at {ran.ended_at:.3f} s"
            yield from resumed(ran.run, chosen.jobs, undisturbed(chosen.world))


def resumed(run: RunDirectory, todo: list[Job], expected: dict[tuple[str, int], Meaning]) -> Iterator[str]:
    """Go on with what is left, undisturbed: every episode ends as it would have ended."""
    # One retry: a log that was cut between a failure and its Done is completed as that failure first.
    roll_out(run, plan(run, todo).jobs, SimulatedBackend(), places=Places(episodes=3), retries=1)
    for job in todo:
        attempts = run.log_path(job.task.id, job.sample, 0).parent.glob(f"{job.sample}.*.jsonl")
        if expected[job.task.id, job.sample] not in {meaning(read_events(path)) for path in attempts}:
            yield f"{job.task.id}.{job.sample} went on and ended otherwise"


def _leaks(ran: Ran, backend: SimulatedBackend, before: set[str]) -> Iterator[str]:
    if ran.held:
        yield f"{ran.held} places are still taken"
    if ran.begun_late:
        yield f"begun after the cancellation: {ran.begun_late}"
    if backend.live:
        yield f"{backend.live} sandboxes are still open"
    if left := descriptors() - before:
        yield f"descriptors are still open: {sorted(left)}"


def _manifest(ran: Ran) -> Iterator[str]:
    for report in ran.run.verify():
        if report.condition != "sealed":
            yield f"{report.file} is {report.condition}: {report.problem}"
    listed = sorted(entry.path for entry in read_manifest(ran.run.path / "manifest.jsonl"))
    found = sorted(str(log.relative_to(ran.run.path)) for log in ran.run.logs())
    if listed != found:
        yield f"the manifest lists {listed}, there are {found}"


def _episodes(ran: Ran, expected: dict[tuple[str, int], Meaning]) -> Iterator[str]:
    """Each log is the undisturbed episode, or the beginning of it and then its end by a cause from outside."""
    for log in ran.run.logs():
        events = read_events(log)
        whole = expected[log.parent.name, int(log.name.partition(".")[0])]
        found = meaning(events)
        same = next(
            (n for n, (a, b) in enumerate(zip(found, whole, strict=False)) if a != b), min(len(found), len(whole))
        )
        if same == len(found) == len(whole):
            continue
        stop, *rest = events[same:] or [None]
        if not isinstance(stop, Stopped) or stop.cause not in {"cancelled", "infra_error"}:
            yield f"{log.parent.name}/{log.name} differs at event {same}: {type(stop).__name__}"
        elif [type(event) for event in rest] not in ([Done], [Stopped, Done]):
            yield f"{log.parent.name}/{log.name} went on after {stop.cause}: {[type(e).__name__ for e in rest]}"


def _completeness(ran: Ran, todo: list[Job], expected: dict[tuple[str, int], Meaning]) -> Iterator[str]:
    """Without cancellation: some attempt is the undisturbed episode, groups are reported once and whole."""
    for outcome in ran.outcomes:
        attempts = outcome.path.parent.glob(f"{outcome.sample}.*.jsonl")
        if expected[outcome.task, outcome.sample] not in {meaning(read_events(path)) for path in attempts}:
            yield f"{outcome.task}.{outcome.sample} ended as {outcome.reason} at attempt {outcome.attempt}"
    if len(ran.outcomes) != len(todo):
        yield f"{len(todo)} episodes, {len(ran.outcomes)} outcomes"
    sizes = sorted((name, sum(job.task.id == name for job in todo)) for name in {job.task.id for job in todo})
    if sorted(ran.groups) != sizes:
        yield f"groups {sorted(ran.groups)}, not {sizes}"


@contextmanager
def scratch() -> Iterator[Path]:
    """A directory, in memory where the machine has one."""
    place = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    folder = Path(tempfile.mkdtemp(prefix="coding-agent-simulation-", dir=place))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)


def descriptors() -> set[str]:
    """What this process has open."""
    found = set()
    for link in Path("/proc/self/fd").iterdir():
        try:
            found.add(f"{link.name} {link.readlink()}")
        except FileNotFoundError:
            continue  # the one that the listing itself used
    return found
