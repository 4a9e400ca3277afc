"""The conversation: what a policy is shown, as a fold over the log. Nothing flows back to a policy but this."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

import attrs

from coding_agent.events.line import canonical
from coding_agent.events.schema import EpisodeStarted, Event, ModelTurn, Notice, ToolResult
from coding_agent.events.values import Message, ModelToolCall, ToolSchema


@attrs.frozen(kw_only=True)
class ConversationState:
    """The messages so far, and the ids by which the current turn's calls are answered."""

    messages: tuple[Message, ...] = ()
    call_ids: tuple[str, ...] = ()
    turn: int = 0


def conversation(events: Iterable[Event]) -> tuple[Message, ...]:
    """The whole conversation of an episode, or of any prefix of it."""
    state = ConversationState()
    for event in events:
        state = extend(state, event)
    return state.messages


def extend(state: ConversationState, event: Event) -> ConversationState:
    """The conversation after one more event."""
    match event:
        case EpisodeStarted():
            return ConversationState(messages=event.messages)
        case ModelTurn():
            calls = _answerable(event)
            message = Message(role="assistant", content=event.content, calls=calls, extra=event.extra)
            ids = tuple(call.id for call in calls)
            return ConversationState(messages=(*state.messages, message), call_ids=ids, turn=event.turn)
        case ToolResult():
            return _answer(state, event.call, event.text)
        case Notice(call=str() as call):
            return _answer(state, call, event.text)
        case Notice():
            message = Message(role="user", content=event.text)
            return attrs.evolve(state, messages=(*state.messages, message))
        case _:
            return state


def request_digest(messages: Iterable[Message], tools: Iterable[ToolSchema]) -> str:
    """SHA-256 of what a policy is shown. Parsed arguments are left out: they only repeat the raw ones."""
    body = {
        "messages": [_message(message) for message in messages],
        "tools": [[tool.name, tool.description, tool.parameters] for tool in tools],
    }
    return hashlib.sha256(canonical(body)).hexdigest()


def _message(message: Message) -> list[object]:
    calls = [[call.id, call.name, call.raw] for call in message.calls]
    return [message.role, message.content, calls, message.call_id, message.extra]


def _answerable(turn: ModelTurn) -> tuple[ModelToolCall, ...]:
    # A server's id is kept byte for byte unless answers could not be told apart by it.
    ids = [call.id for call in turn.calls]
    return tuple(
        call if call.id and ids.count(call.id) == 1 else attrs.evolve(call, id=f"call_{turn.turn}_{index}")
        for index, call in enumerate(turn.calls)
    )


def _answer(state: ConversationState, call: str, text: str) -> ConversationState:
    index = int(call.rpartition(".")[2])
    message = Message(role="tool", content=text, call_id=state.call_ids[index])
    return attrs.evolve(state, messages=(*state.messages, message))
