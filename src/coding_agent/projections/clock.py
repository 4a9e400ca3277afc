"""When an episode's events were written, as far as that says how long its stages took. Observational throughout."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import attrs

from coding_agent.events.schema import Done, Event, ModelTurn, Resumed, Stopped


@attrs.frozen(kw_only=True)
class Clock:
    """Seconds; `began` and `ended` since 1970."""

    began: float
    ended: float
    set_up_s: float | None
    """From the first event to the first request, waiting for a place included; None if it is not known."""

    @property
    def whole_s(self) -> float:
        return self.ended - self.began


def clock(events: Sequence[Event], times: Sequence[str]) -> Clock | None:
    """`times`: when each event was written, RFC 3339. None for an episode that has not ended, or that was resumed."""
    if not events or not isinstance(events[-1], Done) or any(isinstance(event, Resumed) for event in events):
        return None
    at = [seconds_of(time) for time in times]
    first = next((index for index, event in enumerate(events) if isinstance(event, ModelTurn | Stopped)), None)
    return Clock(
        began=at[0], ended=at[-1], set_up_s=None if first is None else _until(events[first], at[first] - at[0])
    )


def seconds_of(time: str) -> float:
    """RFC 3339, since 1970."""
    return dt.datetime.fromisoformat(time).timestamp()


def _until(event: Event, since_s: float) -> float | None:
    if isinstance(event, ModelTurn):
        return None if event.latency_s is None else max(0.0, since_s - event.latency_s)
    return since_s
