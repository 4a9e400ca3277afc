"""What happens next: a pure function of where the episode stands. No clock, no I/O, no randomness.

Four programs share it and differ only in who answers: rollout, sealed replay, executing replay, resume.
"""

from __future__ import annotations

import attrs

from coding_agent.events.schema import Done, DoneReason, Event, ModelTurn, Notice, ToolCall
from coding_agent.events.values import ModelToolCall
from coding_agent.projections.conversation import request_digest
from coding_agent.rollout.state import EpisodeState

REMINDER = (
    "Your message had no tool call, so nothing was done. Call one tool per turn; call `submit` when you are finished."
)
NOT_EXECUTED = "Not executed: only the first tool call of a message runs. Send this call in a turn of its own."
UNGRADED = frozenset({"cancelled", "infra_error", "policy_error"})
"""Stops after which there is no time, no sandbox or no agent to grade."""


@attrs.frozen
class Append:
    """Write down an event that follows from the log alone."""

    event: Event


@attrs.frozen
class AskPolicy:
    """Show the policy the conversation; its answer becomes the ModelTurn with this number and digest."""

    turn: int
    request_digest: str


@attrs.frozen
class RunTool:
    """Answer the open call with (a TestRun and) a ToolResult."""

    call: ToolCall
    asked: ModelToolCall


@attrs.frozen
class Grade:
    """Run the hidden tests; the answer is a TestRun(grade), or a Stopped(infra_error)."""


@attrs.frozen
class Finish:
    """The log is sealed; there is nothing left to do."""


Step = Append | AskPolicy | RunTool | Grade | Finish


def decide(state: EpisodeState) -> Step:
    """The next step of the episode. Raises IllegalSequence before the first event."""
    limits = state.limits
    if state.done is not None:
        return Finish()
    if state.stops:
        return _end(state)
    if state.open_call is not None and state.turn is not None:
        return RunTool(state.open_call, state.turn.calls[state.answered])
    if state.turn is not None and state.answered < len(state.turn.calls):
        return Append(_next_call(state.turn, state.answered))
    if state.submitted is not None or state.silent_turns >= limits.no_call_turns or _spent(state):
        return _end(state)
    if state.silent_turns and not state.reminded:
        return Append(Notice(kind="reminder", text=REMINDER))
    turn = state.counts.turns + 1
    return AskPolicy(turn, request_digest(state.conversation.messages, state.header.tools))


def done_reason(state: EpisodeState) -> DoneReason:
    """Why the episode ends here. What kept it from being graded outweighs whatever else ended it."""
    causes = [stop.cause for stop in state.stops]
    if "infra_error" in causes:
        return "infra_error"
    if "cancelled" in causes:
        return "cancelled"
    if causes:
        return causes[0]
    if state.submitted is not None:
        return "submitted" if state.submitted == "solved" else "blocked"
    if state.silent_turns >= state.limits.no_call_turns:
        return "no_tool_call"
    return "turn_limit" if state.counts.turns >= state.limits.turns else "token_limit"


def _end(state: EpisodeState) -> Step:
    if state.grade is None and not any(stop.cause in UNGRADED for stop in state.stops):
        return Grade()
    return Append(Done(reason=done_reason(state), summary=state.summary, counts=state.counts))


def _next_call(turn: ModelTurn, index: int) -> Event:
    call = f"{turn.turn}.{index}"
    if index:
        return Notice(kind="not_executed", text=NOT_EXECUTED, call=call)
    asked = turn.calls[0]
    return ToolCall(call=call, tool=asked.name, arguments=asked.arguments or {})


def _spent(state: EpisodeState) -> bool:
    counts, limits = state.counts, state.limits
    tokens = counts.prompt_tokens + counts.completion_tokens
    return counts.turns >= limits.turns or (limits.tokens is not None and tokens >= limits.tokens)
