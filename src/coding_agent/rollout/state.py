"""Where an episode stands: a pure fold over its events, holding just what `decide` needs."""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from coding_agent.errors import IllegalSequence
from coding_agent.events.log import Place, advance
from coding_agent.events.schema import (
    Done,
    EpisodeStarted,
    Event,
    ModelTurn,
    Notice,
    Stopped,
    TestRun,
    ToolCall,
    ToolResult,
)
from coding_agent.events.values import Counts, Limits
from coding_agent.projections.conversation import ConversationState, extend

_NOTHING_YET = Counts(turns=0, tool_calls=0, test_runs=0, prompt_tokens=0, completion_tokens=0)


@attrs.frozen(kw_only=True)
class EpisodeState:
    """Everything that `decide` looks at."""

    place: Place = attrs.field(factory=Place)
    conversation: ConversationState = attrs.field(factory=ConversationState)
    started: EpisodeStarted | None = None
    turn: ModelTurn | None = None
    """The latest."""
    open_call: ToolCall | None = None
    open_test: TestRun | None = None
    """The TestRun of the open `run_tests` call."""
    answered: int = 0
    """How many of the latest turn's calls have their answer."""
    silent_turns: int = 0
    """Consecutive turns without a call."""
    reminded: bool = False
    """The latest turn's lack of a call was answered."""
    submitted: str | None = None
    """`solved` or `blocked`."""
    summary: str = ""
    stops: tuple[Stopped, ...] = ()
    grade: TestRun | None = None
    done: Done | None = None
    counts: Counts = _NOTHING_YET

    @property
    def header(self) -> EpisodeStarted:
        """Raises IllegalSequence before the first event."""
        if self.started is None:
            raise IllegalSequence(0, "the episode has not started")
        return self.started

    @property
    def limits(self) -> Limits:
        return self.header.limits


def fold(events: Iterable[Event]) -> EpisodeState:
    """The state after all of the events. Raises IllegalSequence."""
    state = EpisodeState()
    for event in events:
        state = evolve(state, event)
    return state


def evolve(state: EpisodeState, event: Event) -> EpisodeState:
    """The state after one more event. Raises IllegalSequence."""
    moved = attrs.evolve(state, place=advance(state.place, event), conversation=extend(state.conversation, event))
    match event:
        case EpisodeStarted():
            return attrs.evolve(moved, started=event)
        case ModelTurn():
            return _after_turn(moved, event)
        case ToolCall():
            counts = attrs.evolve(state.counts, tool_calls=state.counts.tool_calls + 1)
            return attrs.evolve(moved, open_call=event, open_test=None, counts=counts)
        case TestRun(purpose="grade"):
            return attrs.evolve(moved, grade=event)
        case TestRun():
            counts = attrs.evolve(state.counts, test_runs=state.counts.test_runs + 1)
            return attrs.evolve(moved, open_test=event, counts=counts)
        case ToolResult():
            return _after_result(moved, event)
        case Notice(call=None):
            return attrs.evolve(moved, reminded=True)
        case Notice():
            return attrs.evolve(moved, answered=state.answered + 1)
        case Stopped():
            return attrs.evolve(moved, stops=(*state.stops, event))
        case Done():
            return attrs.evolve(moved, done=event)
        case _:
            return moved


def _after_turn(state: EpisodeState, event: ModelTurn) -> EpisodeState:
    counts = attrs.evolve(
        state.counts,
        turns=state.counts.turns + 1,
        prompt_tokens=state.counts.prompt_tokens + event.usage.prompt_tokens,
        completion_tokens=state.counts.completion_tokens + event.usage.completion_tokens,
    )
    silent = 0 if event.calls else state.silent_turns + 1
    return attrs.evolve(state, turn=event, answered=0, silent_turns=silent, reminded=False, counts=counts)


def _after_result(state: EpisodeState, event: ToolResult) -> EpisodeState:
    call = state.open_call
    moved = attrs.evolve(state, open_call=None, open_test=None, answered=state.answered + 1)
    if call is None or call.tool != "submit" or event.outcome != "ok":
        return moved
    return attrs.evolve(
        moved, submitted=str(call.arguments.get("status")), summary=str(call.arguments.get("summary", ""))
    )
