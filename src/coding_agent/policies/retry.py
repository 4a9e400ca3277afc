"""Trying again: exponential backoff whose jitter the caller's seed decides, bounded in attempts and in waiting.

Knows of HTTP only how `Retry-After` is written; reads no clock and sleeps only as it is told to.
"""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Awaitable, Callable
from email.utils import parsedate_to_datetime
from typing import TypeVar

import attrs

T = TypeVar("T")


class TryAgain(Exception):
    """A failure that may pass. `after_s` is the pause that the server asked for."""

    def __init__(self, why: str, after_s: float | None = None) -> None:
        self.after_s = after_s
        super().__init__(why)


class GaveUp(Exception):
    """A failure that did not pass; says how often it was tried and what came last."""


@attrs.frozen(kw_only=True)
class Backoff:
    """When to try again, and when to stop."""

    attempts: int = attrs.field(default=6, validator=attrs.validators.ge(1))
    """Requests in all, the first one included."""
    first_s: float = 0.5
    """Before the second attempt; doubled each time, plus up to as much again of jitter."""
    longest_s: float = 30.0
    """No pause of our own is longer, jitter aside."""
    total_s: float = 300.0
    """All pauses of one call together. A server that asks for more is given up at once, not asked early."""

    def pause_s(self, retries: int, jitter: float, asked_s: float | None) -> float:
        """Before the next attempt after `retries` earlier ones; `jitter` is in [0, 1)."""
        # 64 doublings pass any limit, and a float holds them.
        own = min(self.first_s * 2.0 ** min(retries, 64), self.longest_s) * (1 + jitter)
        return own if asked_s is None else max(own, asked_s)

    async def run(
        self, call: Callable[[], Awaitable[T]], *, seed: str, sleep: Callable[[float], Awaitable[None]]
    ) -> tuple[T, int]:
        """What `call` returned and how often it was tried again. Raises GaveUp, and what `call` raises but TryAgain."""
        draws = random.Random(seed)  # noqa: S311  jitter, not a secret
        waited_s = 0.0
        for retries in itertools.count():
            try:
                return await call(), retries
            except TryAgain as failure:
                why, asked_s = str(failure), failure.after_s
            pause_s = self.pause_s(retries, draws.random(), asked_s)
            waited_s += pause_s
            if retries + 1 == self.attempts or waited_s > self.total_s:
                asked = "" if asked_s is None else f" (it asked to wait {asked_s:g} s)"
                raise GaveUp(f"no answer after {retries + 1} attempts{asked}: {why}")
            await sleep(pause_s)
        raise AssertionError("the loop returns or raises")


def retry_after_s(text: str | None, date: str | None) -> float | None:
    """The pause that `Retry-After` asks for; a date counts from the answer's own `Date`. None if unreadable."""
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = _between(date, text)
    return max(0.0, seconds) if not math.isnan(seconds) else None


def _between(start: str | None, end: str) -> float:
    try:
        return (parsedate_to_datetime(end) - parsedate_to_datetime(start or "")).total_seconds()
    except (ValueError, TypeError, OverflowError):  # TypeError: one of them has no time zone
        return math.nan
