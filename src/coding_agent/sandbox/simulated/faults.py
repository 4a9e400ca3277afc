"""What a simulated sandbox meets: how long each answer takes, and when it dies, hangs or can not be opened. Pure.

A happening depends on a seed, on what the sandbox holds (`place`: the digest of the first tree that was applied), on
how often that was opened before, and on the number of the request: never on what else runs at the same time.
"""

from __future__ import annotations

import random
from typing import Literal, Protocol

import attrs


@attrs.frozen(kw_only=True)
class Happening:
    """What becomes of a request, or of an attempt to open: after `delay_s` it answers, or dies, or never answers."""

    delay_s: float = 0.0
    then: Literal["answers", "dies", "hangs"] = "answers"


class FaultPlan(Protocol):
    """When what happens."""

    def opening(self, number: int) -> Happening:
        """Of the `number`th sandbox that the backend opens, from 0; `dies`: it is refused as unavailable."""
        ...

    def request(self, place: str, visit: int, number: int) -> Happening:
        """Of request `number` (from 0: the first apply) to the `visit`th sandbox that holds `place`."""
        ...

    def closing_s(self, number: int) -> float:
        """Seconds that it takes to close the `number`th sandbox; a cancellation waits for them."""
        ...


@attrs.frozen
class NoFaults:
    """Every answer at once."""

    def opening(self, number: int) -> Happening:  # noqa: ARG002
        return Happening()

    def request(self, place: str, visit: int, number: int) -> Happening:  # noqa: ARG002
        return Happening()

    def closing_s(self, number: int) -> float:  # noqa: ARG002
        return 0.0


NO_FAULTS = NoFaults()


@attrs.frozen(kw_only=True)
class SeededFaults:
    """Drawn from a seed. Chances are per request, or per opening."""

    seed: int
    latency_s: float = 0.1
    """An answer takes up to this."""
    slow: float = 0.0
    slow_s: float = 5.0
    """A slow answer takes this much more."""
    dies: float = 0.0
    hangs: float = 0.0
    visits: int = 1
    """Only the first so many sandboxes of one place die or hang, so that a bounded number of retries gets through."""
    refused: frozenset[int] = frozenset()
    """Openings, by number, that fail."""

    def opening(self, number: int) -> Happening:
        delay_s = self._draws("opening", number).uniform(0, self.latency_s)
        return Happening(delay_s=delay_s, then="dies" if number in self.refused else "answers")

    def request(self, place: str, visit: int, number: int) -> Happening:
        draws = self._draws("request", place, visit, number)
        delay_s = draws.uniform(0, self.latency_s)
        if draws.random() < self.slow:
            delay_s += self.slow_s
        if visit >= self.visits:
            return Happening(delay_s=delay_s)
        fate = draws.random()
        if fate < self.dies:
            return Happening(delay_s=delay_s, then="dies")
        return Happening(delay_s=delay_s, then="hangs" if fate < self.dies + self.hangs else "answers")

    def closing_s(self, number: int) -> float:
        return self._draws("closing", number).uniform(0, self.latency_s)

    def _draws(self, *about: object) -> random.Random:
        return random.Random("/".join(map(str, (self.seed, *about))))  # noqa: S311  a simulation, not a secret
