"""Conversations to imitate: messages in the shape of chat completions, and which of them are learnt from."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from coding_agent.events.schema import Event
from coding_agent.events.values import JSON, Message
from coding_agent.projections.trajectory import trajectory


@attrs.frozen(kw_only=True)
class SftRow:
    """One episode. `train` has one element per message: True for what the policy said."""

    episode: str
    task: str
    messages: tuple[dict[str, JSON], ...]
    train: tuple[bool, ...]
    tools: tuple[dict[str, JSON], ...]
    reward: float


def sft_row(events: Sequence[Event], reward: float) -> SftRow:
    """Raises ValueError for an episode whose policy knew a secret: nobody could learn to know it."""
    found = trajectory(events)
    if found.privileged:
        raise ValueError(f"{found.episode}: its policy knew a secret of the task, so it is no example for an agent")
    tools = (
        {"name": tool.name, "description": tool.description, "parameters": tool.parameters} for tool in found.tools
    )
    return SftRow(
        episode=found.episode,
        task=found.task,
        messages=tuple(_plain(message) for message in found.messages),
        train=found.loss_mask,
        tools=tuple({"type": "function", "function": tool} for tool in tools),
        reward=reward,
    )


def _plain(message: Message) -> dict[str, JSON]:
    plain: dict[str, JSON] = {"role": message.role, "content": message.content or ""}
    if message.calls:
        plain["tool_calls"] = [
            {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": call.raw}}
            for call in message.calls
        ]
    if message.call_id is not None:
        plain["tool_call_id"] = message.call_id
    return plain
