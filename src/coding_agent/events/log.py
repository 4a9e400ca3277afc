"""Which event may follow which: a pure automaton over an episode's events.

    EpisodeStarted  ( ModelTurn  ( ToolCall [TestRun] ToolResult | Notice )* )*  Stopped*  [TestRun(grade)]  Done

`Label` and `Resumed` may stand anywhere between the first event and Done. A `Stopped` may leave a call unanswered.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import attrs

from coding_agent.errors import IllegalSequence
from coding_agent.events.schema import (
    FORMAT,
    Done,
    EpisodeStarted,
    Event,
    Label,
    ModelTurn,
    Notice,
    Resumed,
    Stopped,
    TestRun,
    ToolCall,
    ToolResult,
)


@attrs.frozen(kw_only=True, slots=False)  # see `_after`
class Place:
    """Where an episode stands, as far as legality needs to know."""

    seq: int = 0
    """Of the next event."""
    started: bool = False
    turn: int = 0
    unanswered: tuple[str, ...] = ()
    """Calls of the current turn that have no answer yet, the open one included."""
    open_call: str | None = None
    open_tool: str | None = None
    tested: bool = False
    """The open call's TestRun is there."""
    stopped: bool = False
    graded: bool = False
    done: bool = False


def _after(place: Place, **changes: Any) -> Place:
    """The place one event later."""
    # As `attrs.evolve`, in a third of its time: this is on the path of every append and of every fold.
    changes["seq"] = place.seq + 1
    later = Place.__new__(Place)
    later.__dict__.update(place.__dict__)
    later.__dict__.update(changes)
    return later


def check_sequence(events: Iterable[Event]) -> Place:
    """Fold `advance` over the events. Raises IllegalSequence naming the first that may not stand where it stands."""
    place = Place()
    for event in events:
        place = advance(place, event)
    return place


def advance(place: Place, event: Event) -> Place:
    """The place after `event`. Raises IllegalSequence."""
    if place.done:
        raise IllegalSequence(place.seq, f"{type(event).__name__} after Done; a sealed log takes nothing more")
    if isinstance(event, EpisodeStarted) == place.started:
        expected = "EpisodeStarted only once" if place.started else "EpisodeStarted first"
        raise IllegalSequence(place.seq, f"expected {expected}, found {type(event).__name__}")
    # The frequent ones first.
    match event:
        case ModelTurn():
            return _turn(place, event)
        case ToolCall():
            return _call(place, event)
        case ToolResult():
            return _result(place, event)
        case TestRun():
            return _test(place, event)
        case Notice():
            return _notice(place, event)
        case Label():
            return _label(place, event)
        case EpisodeStarted():
            return _start(place, event)
        case Stopped():
            return _after(place, stopped=True)
        case Resumed():
            return _after(place)
        case Done():
            return _done(place)


def _running(place: Place, name: str) -> None:
    if place.stopped:
        raise IllegalSequence(place.seq, f"{name} after Stopped")
    if place.graded:
        raise IllegalSequence(place.seq, f"{name} after the grade")


def _start(place: Place, event: EpisodeStarted) -> Place:
    if event.format > FORMAT:
        raise IllegalSequence(place.seq, f"format {event.format}, but this release knows up to {FORMAT}")
    return _after(place, started=True)


def _turn(place: Place, event: ModelTurn) -> Place:
    _running(place, "ModelTurn")
    if place.unanswered:
        raise IllegalSequence(place.seq, f"ModelTurn while {', '.join(place.unanswered)} is unanswered")
    if event.turn != place.turn + 1:
        raise IllegalSequence(place.seq, f"turn {event.turn} after turn {place.turn}")
    calls = tuple([f"{event.turn}.{index}" for index in range(len(event.calls))])
    return _after(place, turn=event.turn, unanswered=calls)


def _call(place: Place, event: ToolCall) -> Place:
    _running(place, "ToolCall")
    if place.open_call is not None:
        raise IllegalSequence(place.seq, f"ToolCall {event.call} while {place.open_call} is unanswered")
    _expected(place, event.call)
    return _after(place, open_call=event.call, open_tool=event.tool, tested=False)


def _test(place: Place, event: TestRun) -> Place:
    if event.purpose == "grade":
        if place.unanswered and not place.stopped:
            raise IllegalSequence(place.seq, "the grade while a call is unanswered")
        if place.graded:
            raise IllegalSequence(place.seq, "a second grade")
        return _after(place, graded=True)
    _running(place, "TestRun")
    if event.call is None or event.call != place.open_call or place.tested:
        raise IllegalSequence(place.seq, f"a test run for call {event.call}, but the open call is {place.open_call}")
    return _after(place, tested=True)


def _result(place: Place, event: ToolResult) -> Place:
    _running(place, "ToolResult")
    if event.call != place.open_call:
        raise IllegalSequence(place.seq, f"a result for {event.call}, but the open call is {place.open_call}")
    return _after(place, unanswered=_without(place, event.call), open_call=None, open_tool=None, tested=False)


def _notice(place: Place, event: Notice) -> Place:
    _running(place, "Notice")
    if place.open_call is not None:
        raise IllegalSequence(place.seq, f"a notice while {place.open_call} is unanswered")
    if event.call is None:
        return _after(place)
    _expected(place, event.call)
    return _after(place, unanswered=_without(place, event.call))


def _label(place: Place, event: Label) -> Place:
    if event.turn > place.turn:
        raise IllegalSequence(place.seq, f"a label for turn {event.turn}, but only {place.turn} happened")
    return _after(place)


def _done(place: Place) -> Place:
    if place.open_call is not None and not place.stopped:
        raise IllegalSequence(place.seq, "Done while a call is unanswered")
    return _after(place, done=True)


def _expected(place: Place, call: str) -> None:
    if call not in place.unanswered:
        raise IllegalSequence(place.seq, f"{call} is not an unanswered call of turn {place.turn}")


def _without(place: Place, call: str) -> tuple[str, ...]:
    return tuple([each for each in place.unanswered if each != call])
