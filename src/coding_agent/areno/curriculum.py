"""Which tasks are trained on, in which order: a function of the tasks, how often each was solved, and a seed. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Literal

import attrs

from coding_agent.errors import UsageError
from coding_agent.tasks.spec import TaskSpec

Key = tuple[str, str]
"""A task's id and digest: a task that was changed is another task, of which nothing is known."""


def _share(_: object, attribute: attrs.Attribute[float], value: float) -> None:
    if not 0 <= value < 1:
        raise ValueError(f"{attribute.name}: expected a share from 0 up to, not with, 1, found {value}")


def _at_least_one(_: object, attribute: attrs.Attribute[int], value: int) -> None:
    if value < 1:
        raise ValueError(f"{attribute.name}: expected 1 or more, found {value}")


def _range(_: object, attribute: attrs.Attribute[tuple[int, int]], value: tuple[int, int]) -> None:
    if len(value) != 2:
        raise ValueError(f"{attribute.name}: expected the lowest and the highest, found {list(value)}")
    if value[0] > value[1]:
        raise ValueError(f"{attribute.name}: expected the lower bound first, found {list(value)}")


def _enough(curriculum: Curriculum, attribute: attrs.Attribute[int], value: int) -> None:
    if value and value < curriculum.min_samples:
        expected = f"0, or at least as many as min_samples, {curriculum.min_samples}"
        raise ValueError(f"{attribute.name}: expected {expected}, found {value}")


@attrs.frozen(kw_only=True)
class Curriculum:
    """What the options of a training run say about it."""

    order: Literal["given", "difficulty", "adaptive"] = "difficulty"
    difficulty: tuple[int, int] = attrs.field(default=(1, 5), validator=_range)
    """Lowest and highest difficulty of the tasks that are trained on, in any order."""
    logs: tuple[str, ...] = ()
    """Run directories whose episodes say how often a task is solved."""
    min_samples: int = attrs.field(default=8, validator=_at_least_one)
    """Graded episodes of a task before it may be called settled: always solved, or never."""
    window: int = attrs.field(default=32, validator=_enough)
    """Only so many of a task's latest graded episodes count, as the model that played earlier ones is gone; 0: all."""
    explore: float = attrs.field(default=0.0, validator=_share)
    """Share of the records that settled tasks may have at most, so that a model that changed is noticed."""


@attrs.frozen(kw_only=True)
class Tally:
    """How often a task was solved."""

    graded: int = 0
    solved: int = 0

    def __add__(self, other: Tally) -> Tally:
        return Tally(graded=self.graded + other.graded, solved=self.solved + other.solved)

    def is_settled(self, min_samples: int) -> bool:
        """Every sample of a group can be expected to earn the same: nothing would be learnt from it."""
        return self.graded >= min_samples and self.solved in (0, self.graded)

    @property
    def spread(self) -> Fraction:
        """Variance of one episode's outcome at the rate (solved + 1) / (graded + 2): 1/4 where nothing is known."""
        rate = Fraction(self.solved + 1, self.graded + 2)
        return rate * (1 - rate)


def arrange(
    tasks: Sequence[TaskSpec], tallies: Mapping[Key, Tally], curriculum: Curriculum, *, seed: int
) -> tuple[TaskSpec, ...]:
    """The tasks to train on, in order. Raises UsageError when there is none.

    `adaptive` leaves out what is settled but for the share to explore, drawn by the seed; the rest comes by how much
    can be learnt from it, most first: unknown tasks and those that are solved half of the time.
    """
    low, high = curriculum.difficulty
    fitting = [task for task in tasks if low <= task.difficulty <= high]
    if not fitting:
        found = ", ".join(map(str, sorted({task.difficulty for task in tasks})))
        raise UsageError(f"curriculum: no task has a difficulty from {low} to {high}; there are: {found or 'no tasks'}")
    match curriculum.order:
        case "given":
            return tuple(fitting)
        case "difficulty":
            return tuple(sorted(fitting, key=lambda task: (task.difficulty, task.id)))
        case "adaptive":
            return _adapted(fitting, tallies, curriculum, seed)


def _adapted(
    tasks: Sequence[TaskSpec], tallies: Mapping[Key, Tally], curriculum: Curriculum, seed: int
) -> tuple[TaskSpec, ...]:
    def tally(task: TaskSpec) -> Tally:
        return tallies.get((task.id, task.digest), Tally())

    def by_worth(task: TaskSpec) -> tuple[Fraction, int, bytes]:
        return -tally(task).spread, task.difficulty, _draw(seed, task)

    settled = [task for task in tasks if tally(task).is_settled(curriculum.min_samples)]
    open_ = [task for task in tasks if not tally(task).is_settled(curriculum.min_samples)]
    if not open_:
        always = sum(tally(task).solved > 0 for task in settled)
        raise UsageError(
            f"curriculum: all {len(settled)} tasks are settled by the logs: {always} always solved, "
            f"{len(settled) - always} never, each in {curriculum.min_samples} or more episodes. "
            "Give other tasks or other logs, or raise min_samples"
        )
    room = _at_most(curriculum.explore, len(open_))
    explored = sorted(settled, key=lambda task: _draw(seed, task))[:room]
    return tuple(sorted([*open_, *explored], key=by_worth))


def _at_most(share: float, others: int) -> int:
    """How many may join so many others and still be no more than that share of all."""
    exact = Fraction(share)
    return int(exact * others / (1 - exact))


def _draw(seed: int, task: TaskSpec) -> bytes:
    return hashlib.sha256(f"{seed}/curriculum/{task.id}".encode()).digest()


def summed(each: Iterable[tuple[Key, Tally]]) -> dict[Key, Tally]:
    """Tallies of the same task put together."""
    found: dict[Key, Tally] = {}
    for key, tally in each:
        found[key] = found.get(key, Tally()) + tally
    return found
