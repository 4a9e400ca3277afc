"""Hypothesis strategy for whole episodes: any events that may legally follow one another, nothing that only `decide` would do."""

from __future__ import annotations

from base64 import b64encode
from typing import Any

import attrs
from hypothesis import strategies as st

from coding_agent.events.log import Place, advance
from coding_agent.events.schema import (
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
from coding_agent.events.values import Changes, FileChange, FileContent
from tests.events.strategies import of_class, texts

MOST = 14
"""Events of a generated episode, before it is brought to its end."""
_paths = st.sampled_from(["a.py", "b/c.py", "b/\ufdd0dce9"])


def _stored(data: bytes) -> dict[str, Any]:
    try:
        return {"text": data.decode()}
    except UnicodeDecodeError:
        return {"base64": b64encode(data).decode()}


contents = st.binary(max_size=8).map(_stored)
changes: st.SearchStrategy[Changes] = st.builds(
    Changes,
    files=st.lists(
        st.builds(
            lambda path, kind, content, executable, before: FileChange(
                path=path, kind=kind, executable=executable, before=before,
                **({"text": content.get("text", "x")} if kind == "symlink" else {} if kind in {"delete", "mode"} else content),
            ),
            _paths, st.sampled_from(["add", "modify", "delete", "mode", "symlink"]), contents, st.booleans(),
            st.none() | contents.map(lambda content: FileContent(**content)),
        ),
        max_size=2, unique_by=lambda change: change.path,
    ).map(tuple),
    tree=texts,
)  # fmt: skip
"""Contents are in the log itself: a projection of a generated episode needs no blob."""


@st.composite
def episodes(draw: st.DrawFn) -> list[Event]:
    """A legal sequence, often one that ends with Done."""
    events: list[Event] = [attrs.evolve(draw(of_class(EpisodeStarted)), format=1)]
    place = advance(Place(), events[0])
    for _ in range(draw(st.integers(3, MOST))):
        event = draw(st.sampled_from(_next(place)).flatmap(lambda cls, here=place: _fitting(cls, here)))  # type: ignore[misc]
        place = advance(place, event)
        events.append(event)
        if place.done:
            break
    return events


def _next(place: Place) -> list[type[Event]]:
    """Which types of event may follow; the usual ones more often."""
    found: list[type[Event]] = [Label, Resumed, Stopped]
    if place.stopped or place.open_call is None:
        found.append(Done)
    if not place.graded and (place.stopped or not place.unanswered):
        found.append(TestRun)
    if place.stopped or place.graded:
        return found
    if place.open_call is not None:
        return [*found, *[ToolResult] * 6, *([] if place.tested else [TestRun] * 3)]
    if place.unanswered:
        return [*found, *[ToolCall] * 6, *[Notice] * 3]
    return [*found, *[ModelTurn] * 8, Notice]


def _fitting(cls: Any, place: Place) -> st.SearchStrategy[Event]:
    """Any event of this type, with the few values that must fit the place."""
    any_one = of_class(cls)
    if cls is ModelTurn:
        return any_one.map(lambda event: attrs.evolve(event, turn=place.turn + 1))
    if cls is ToolCall:
        return any_one.map(lambda event: attrs.evolve(event, call=place.unanswered[0]))
    if cls is ToolResult:
        return st.builds(
            lambda event, made: attrs.evolve(event, call=place.open_call, changes=made), any_one, st.none() | changes
        )
    if cls is TestRun:
        return st.builds(
            lambda event, made: attrs.evolve(event, changes=made, **_purpose(place)), any_one, st.none() | changes
        )
    if cls is Notice:
        return any_one.map(lambda event: attrs.evolve(event, call=next(iter(place.unanswered), None)))
    if cls is Label:
        return any_one.map(lambda event: attrs.evolve(event, turn=place.turn))
    return any_one


def _purpose(place: Place) -> dict[str, Any]:
    open_call = place.open_call is not None and not place.stopped
    return {"purpose": "agent", "call": place.open_call} if open_call else {"purpose": "grade", "call": None}
