"""The trajectory: the messages of an episode, whose they are, and which of them a learner may imitate."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from coding_agent.events.schema import Done, EpisodeStarted, Event, ModelTurn
from coding_agent.events.values import Message, ToolSchema
from coding_agent.projections.conversation import ConversationState, extend


@attrs.frozen(kw_only=True)
class TurnSpan:
    """One turn's place among the messages: shown `messages[:reply]`, it said `messages[reply]`, the world answered
    with `messages[reply + 1:end]`."""

    turn: int
    actor: str
    reply: int
    end: int


@attrs.frozen(kw_only=True)
class Trajectory:
    """What a trainer or a person needs of an episode, without its rewards."""

    episode: str
    task: str
    privileged: bool
    tools: tuple[ToolSchema, ...]
    messages: tuple[Message, ...]
    loss_mask: tuple[bool, ...]
    """Per message: True for what the policy said."""
    spans: tuple[TurnSpan, ...]
    reason: str | None
    """Why it ended; None while it has not."""


def trajectory(events: Sequence[Event]) -> Trajectory:
    """Raises ValueError when the first event is not EpisodeStarted."""
    if not events or not isinstance(events[0], EpisodeStarted):
        raise ValueError("a trajectory begins with EpisodeStarted")
    header = events[0]
    state = ConversationState()
    turns: list[tuple[ModelTurn, int]] = []
    for event in events:
        if isinstance(event, ModelTurn):
            turns.append((event, len(state.messages)))
        state = extend(state, event)
    # Where each turn's answers end: where the next turn begins, or at the end.
    ends = [*(reply for _, reply in turns), len(state.messages)][1:] if turns else []
    last = events[-1]
    return Trajectory(
        episode=header.episode,
        task=header.task,
        privileged=header.privileged,
        tools=header.tools,
        messages=state.messages,
        loss_mask=tuple(message.role == "assistant" for message in state.messages),
        spans=tuple(
            TurnSpan(turn=turn.turn, actor=turn.actor, reply=reply, end=end)
            for (turn, reply), end in zip(turns, ends, strict=True)
        ),
        reason=last.reason if isinstance(last, Done) else None,
    )
