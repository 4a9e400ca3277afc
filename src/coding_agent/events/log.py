"""Which event may follow which: a pure automaton over an episode's events.

    EpisodeStarted  ( ModelTurn  ( ToolCall [TestRun] ToolResult | Notice )* )*  Stopped*  [TestRun(grade)]  Done

`Label` and `Resumed` may stand anywhere between the first event and Done. A `Stopped` may leave a call unanswered.
"""

from __future__ import annotations

import operator
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


@attrs.frozen(kw_only=True)
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


_NAMES = tuple(field.name for field in attrs.fields(Place))
_values = operator.attrgetter(*_NAMES)


def _with(place: Place, **changes: Any) -> Place:
    """As `attrs.evolve`, in a third of the time: this is on the path of every append."""
    return Place(**{**dict(zip(_NAMES, _values(place), strict=True)), **changes})


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
    moved = _with(place, seq=place.seq + 1)
    match event:
        case EpisodeStarted():
            return _start(moved, event)
        case ModelTurn():
            return _turn(moved, event)
        case ToolCall():
            return _call(moved, event)
        case TestRun():
            return _test(moved, event)
        case ToolResult():
            return _result(moved, event)
        case Notice():
            return _notice(moved, event)
        case Label():
            _require(moved, event.turn <= place.turn, f"a label for turn {event.turn}, but only {place.turn} happened")
        case Stopped():
            return _with(moved, stopped=True)
        case Resumed():
            pass
        case Done():
            _require(moved, place.stopped or place.open_call is None, "Done while a call is unanswered")
            return _with(moved, done=True)
    return moved


def _require(place: Place, holds: bool, message: str) -> None:
    if not holds:
        raise IllegalSequence(place.seq - 1, message)


def _running(place: Place, name: str) -> None:
    _require(place, not place.stopped, f"{name} after Stopped")
    _require(place, not place.graded, f"{name} after the grade")


def _start(place: Place, event: EpisodeStarted) -> Place:
    _require(place, event.format <= FORMAT, f"format {event.format}, but this release knows up to {FORMAT}")
    return _with(place, started=True)


def _turn(place: Place, event: ModelTurn) -> Place:
    _running(place, "ModelTurn")
    _require(place, not place.unanswered, f"ModelTurn while {', '.join(place.unanswered)} is unanswered")
    _require(place, event.turn == place.turn + 1, f"turn {event.turn} after turn {place.turn}")
    calls = tuple(f"{event.turn}.{index}" for index in range(len(event.calls)))
    return _with(place, turn=event.turn, unanswered=calls)


def _call(place: Place, event: ToolCall) -> Place:
    _running(place, "ToolCall")
    _require(place, place.open_call is None, f"ToolCall {event.call} while {place.open_call} is unanswered")
    _require(place, event.call in place.unanswered, f"{event.call} is not an unanswered call of turn {place.turn}")
    return _with(place, open_call=event.call, open_tool=event.tool, tested=False)


def _test(place: Place, event: TestRun) -> Place:
    if event.purpose == "grade":
        _require(place, place.stopped or not place.unanswered, "the grade while a call is unanswered")
        _require(place, not place.graded, "a second grade")
        return _with(place, graded=True)
    _running(place, "TestRun")
    _require(
        place,
        event.call is not None and event.call == place.open_call and not place.tested,
        f"a test run for call {event.call}, but the open call is {place.open_call}",
    )
    return _with(place, tested=True)


def _result(place: Place, event: ToolResult) -> Place:
    _running(place, "ToolResult")
    _require(place, event.call == place.open_call, f"a result for {event.call}, but the open call is {place.open_call}")
    left = tuple(call for call in place.unanswered if call != event.call)
    return _with(place, unanswered=left, open_call=None, open_tool=None, tested=False)


def _notice(place: Place, event: Notice) -> Place:
    _running(place, "Notice")
    _require(place, place.open_call is None, f"a notice while {place.open_call} is unanswered")
    if event.call is None:
        return place
    _require(place, event.call in place.unanswered, f"{event.call} is not an unanswered call of turn {place.turn}")
    return _with(place, unanswered=tuple(call for call in place.unanswered if call != event.call))
