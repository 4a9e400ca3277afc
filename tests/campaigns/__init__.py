"""Campaigns: a guarantee, and every way that we know to break it. `make soak` runs them long; short, the tests run those
that are quick, and `make campaigns` the others.

A campaign is a generator that yields once per case: None when the guarantee held, else what went wrong, with what it
takes to see it again; `Untried` for what this machine lacks the means for. To add one, decorate it in a module of this package and name the module in `MODULES`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import attrs

Size = Literal["short", "long"]
MODULES = (
    "edits",
    "faults",
    "interruptions",
    "crashes",
    "kills",
    "races",
    "memory",
    "replays",
    "purity",
    "simulations",
    "seeds",
    "sound",
    "sandboxes",
    "bounds",
)


@attrs.frozen
class Untried:
    """Cases that can not be tried here."""

    why: str


Cases = Iterator[str | Untried | None]


@attrs.frozen
class Campaign:
    """`run` gets the size and an empty folder of its own."""

    guarantee: str
    run: Callable[[Size, Path], Cases]
    in_suite: bool = True
    """Whether the tests run its short form; `make campaigns` runs those that take them too long."""

    @property
    def name(self) -> str:
        return self.run.__name__


@attrs.frozen
class Result:
    guarantee: str
    tried: int
    failures: tuple[str, ...]
    untried: tuple[str, ...] = ()


_REGISTERED: list[Campaign] = []


def campaign(
    guarantee: str, *, in_suite: bool = True
) -> Callable[[Callable[[Size, Path], Cases]], Callable[[Size, Path], Cases]]:
    """Register a generator of cases under the sentence that it tries to refute."""

    def register(run: Callable[[Size, Path], Cases]) -> Callable[[Size, Path], Cases]:
        _REGISTERED.append(Campaign(guarantee, run, in_suite))
        return run

    return register


def campaigns() -> tuple[Campaign, ...]:
    """All of them, in the order of `MODULES`."""
    for name in MODULES:
        importlib.import_module(f"{__name__}.{name}")
    return tuple(_REGISTERED)


def carry_out(chosen: Campaign, size: Size, folder: Path) -> Result:
    folder.mkdir(parents=True, exist_ok=True)
    tried, failures, untried = 0, [], []
    for problem in chosen.run(size, folder):
        if isinstance(problem, Untried):
            untried.append(problem.why)
            continue
        tried += 1
        if problem is not None:
            failures.append(problem)
    return Result(chosen.guarantee, tried, tuple(failures), tuple(untried))
