"""Whole rollouts on a virtual clock and a simulated disk: seeded schedules, cancellations, crashes (`tests.simulation`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import attrs

from coding_agent.sandbox.simulated import SeededFaults
from coding_agent.store.writer import Durability
from tests.campaigns import Cases, Size, campaign
from tests.campaigns.spread import spread
from tests.simulation.always import replays_of
from tests.simulation.boundaries import forked_anywhere, killed_anywhere
from tests.simulation.crashes import problems as crash_problems
from tests.simulation.crashes import snapshots_of
from tests.simulation.schedules import WORLDS, Schedule, problems, schedule, steps
from tests.simulation.worlds import Places


@campaign("Any schedule, whatever fails and whenever it is cancelled: each episode is as it is alone, nothing is left")
def schedules(size: Size, folder: Path) -> Cases:
    yield from spread(_schedule, range(10_000 if size == "long" else 100), size, at_once=50)


def _schedule(seed: int) -> str | None:
    return _told(f"python -m tests.simulation {seed}", problems(schedule(seed)))


@campaign("Replayed from zero after every event of a rollout, whatever fails: the same until there, each time")
def always(size: Size, folder: Path) -> Cases:
    for found in spread(_always, range(200 if size == "long" else 4), size):
        yield from found


def _always(seed: int) -> list[str | None]:
    return [None if problem is None else f"schedule {seed}: {problem}" for problem in replays_of(seed)]


@campaign("A run cancelled at any step of any task: every log is sealed, nothing is left")
def cancellations(size: Size, folder: Path) -> Cases:
    yield from spread(_cancelled, _cancellations(size), size, at_once=20)


def _cancellations(size: Size) -> Iterator[Schedule]:
    faults = SeededFaults(seed=0)
    durabilities: tuple[Durability, ...] = ("event", "none")
    for seed in range(12) if size == "long" else (3,):
        for durability in durabilities:
            # The broken policy too: a cancellation may come while its bug is being written down.
            whole = Schedule(
                seed=seed, places=Places(episodes=2), faults=faults, retries=0, cancel_at=0, durability=durability,
                only=() if size == "long" else (1, 3),
            )  # fmt: skip
            for step in range(1, steps(whole) + 1):
                yield attrs.evolve(whole, cancel_at=step)


def _cancelled(chosen: Schedule) -> str | None:
    return _told(str(chosen), problems(chosen))


@campaign("An episode killed after any of its events and gone on with ends as it would have ended")
def kills_and_resumes(size: Size, folder: Path) -> Cases:
    for found in spread(_killed if size == "long" else _killed_few, range(WORLDS if size == "long" else 1), size):
        yield from found


def _killed(world: int) -> list[str | None]:
    return list(killed_anywhere(world))


def _killed_few(world: int) -> list[str | None]:
    return list(killed_anywhere(world, at_most=2))


@campaign("An episode forked after any of its events by its own policy goes the same way to the same end")
def forks(size: Size, folder: Path) -> Cases:
    for found in spread(_forked if size == "long" else _forked_few, range(WORLDS if size == "long" else 1), size):
        yield from found


def _forked(world: int) -> list[str | None]:
    return list(forked_anywhere(world))


def _forked_few(world: int) -> list[str | None]:
    return list(forked_anywhere(world, at_most=2))


@campaign("A whole rollout crashed at any call: what was acknowledged is there, and it goes on to the same end")
def crashed_rollouts(size: Size, folder: Path) -> Cases:
    for found in spread(_crashed, range(400 if size == "long" else 24), size, at_once=5):
        yield from found


def _crashed(seed: int) -> list[str | None]:
    snapshots, whole = snapshots_of(seed)
    where = f"python -m tests.simulation crash {seed}"
    return [
        _told(f"{where}, {each.kind} before call {each.call}", crash_problems(each, whole, seed)) for each in snapshots
    ]


def _told(where: str, found: Iterable[str]) -> str | None:
    wrong = "; ".join(found)
    return f"{where}: {wrong}" if wrong else None
