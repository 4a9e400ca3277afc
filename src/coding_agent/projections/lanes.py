"""How full the places were that episodes share (sandboxes, requests to the model, gradings), and how long they queued.

Nothing of this is an event. A log says when each event was written, and how long the request or the grading took that
it tells of; what lies before that, back to the event before, is the time in the queue. So a queue includes what the
harness does between two events (milliseconds), and that for a sandbox its opening and the queue of the first request.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import fsum
from typing import Literal

import attrs

from coding_agent.events.schema import Done, Event, ModelTurn, Stopped, TestRun
from coding_agent.projections.clock import Clock, seconds_of
from coding_agent.projections.spread import Spread, spread

Lane = Literal["sandbox", "model", "grader"]
LANES: tuple[Lane, ...] = ("sandbox", "model", "grader")
Interval = tuple[float, float]


@attrs.frozen(kw_only=True)
class Use:
    """One place, taken once. Seconds since 1970."""

    lane: Lane
    asked: float
    began: float
    ended: float


@attrs.frozen(kw_only=True)
class LaneUse:
    """All uses of one kind of place, over the time from the step's first event to its last."""

    queued_s: Spread
    busy: float
    """Places taken, in the mean."""
    busy_most: int
    """At one time. As many as there were places, where somebody queued."""
    queued: float
    """How long the queue was, in the mean."""
    queued_most: int


def uses(events: Sequence[Event], times: Sequence[str], clock: Clock | None) -> tuple[Use, ...]:
    """Of one episode. Nothing can be said of one whose clock is not known."""
    if clock is None or clock.set_up_s is None:
        return ()
    at = [seconds_of(time) for time in times]
    found = [Use(lane="sandbox", asked=at[0], began=at[0] + clock.set_up_s, ended=_let_go(events, at))]
    for index, event in enumerate(events):
        if isinstance(event, ModelTurn) and event.latency_s is not None:
            # The first request can not be told apart from the set-up before it.
            asked = at[index - 1] if event.turn > 1 else at[index] - event.latency_s
            found.append(_use("model", asked, at[index], event.latency_s))
        elif isinstance(event, TestRun) and event.purpose == "grade" and event.latency_s is not None:
            found.append(_use("grader", at[index - 1], at[index], event.latency_s))
    return tuple(found)


def lane_uses(each: Iterable[Use], took_s: float) -> dict[str, LaneUse]:
    """By lane; one that was never used is left out. `took_s`: of the whole step."""
    by_lane: dict[Lane, list[Use]] = {lane: [] for lane in LANES}
    for use in each:
        by_lane[use.lane].append(use)
    return {lane: _lane_use(found, took_s) for lane, found in by_lane.items() if found and took_s > 0}


def _use(lane: Lane, asked: float, ended: float, latency_s: float) -> Use:
    # Two clocks: the latency is measured by one that nobody sets.
    began = max(asked, ended - latency_s)
    return Use(lane=lane, asked=asked, began=began, ended=max(began, ended))


def _let_go(events: Sequence[Event], at: Sequence[float]) -> float:
    """When the agent's sandbox was closed: before grading."""
    return [time for event, time in zip(events, at, strict=True) if not _is_after(event)][-1]


def _is_after(event: Event) -> bool:
    if isinstance(event, TestRun):
        return event.purpose == "grade"
    return isinstance(event, Done) or (isinstance(event, Stopped) and event.stage == "grade")


def _lane_use(found: Sequence[Use], took_s: float) -> LaneUse:
    queued = [(use.asked, use.began) for use in found]
    busy = [(use.began, use.ended) for use in found]
    waited = spread(end - start for start, end in queued)
    assert waited is not None
    return LaneUse(
        queued_s=waited,
        busy=_mean(busy, took_s),
        busy_most=most_at_once(busy),
        queued=_mean(queued, took_s),
        queued_most=most_at_once(queued),
    )


def _mean(each: Sequence[Interval], took_s: float) -> float:
    return fsum(end - start for start, end in each) / took_s


def most_at_once(each: Sequence[Interval]) -> int:
    """How many intervals overlap at most. One that ends where another begins does not overlap it."""
    real = [(start, end) for start, end in each if end > start]
    edges = sorted([*((start, 1) for start, _ in real), *((end, -1) for _, end in real)])
    most = now = 0
    for _, change in edges:
        now += change
        most = max(most, now)
    return most
