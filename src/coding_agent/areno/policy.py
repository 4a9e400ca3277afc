"""The model under training, asked through AReno's proxy: never over its context, and every token accounted for."""

from __future__ import annotations

import attrs
from anyio import to_thread

from coding_agent.areno.tokens import Tokens
from coding_agent.events.text import escape
from coding_agent.events.values import JSON, Message
from coding_agent.policies.base import ContextOverflow, PolicyReply, PolicyRequest
from coding_agent.policies.openai_chat import OpenAIChatPolicy
from coding_agent.policies.wire import to_wire, tool_to_wire

RAW = "raw_text"
"""Where a turn keeps the text that was sampled: the proxy leaves out whatever stood around a call that it parsed."""


@attrs.frozen(kw_only=True)
class ArenoPolicy:
    """One training step's policy. Stateless: what it needs of earlier turns stands in the conversation."""

    chat: OpenAIChatPolicy
    tokens: Tokens = attrs.field(repr=False)
    context: int | None
    """Ids of prompt and completion together; None when nobody knows."""
    max_new_tokens: int
    history: str
    told: dict[str, JSON]
    """Sampling parameters that AReno adds by itself, for the record."""
    weights: str
    privileged: bool = False

    @property
    def spec(self) -> str:
        return "areno"

    async def act(self, request: PolicyRequest) -> PolicyReply:
        """Raises PolicyError when there is no answer to be had, ContextOverflow when nothing more fits."""
        shown = attrs.evolve(request, messages=as_shown(request.messages, self.history))
        room = await to_thread.run_sync(self._room, shown)
        reply = await attrs.evolve(self.chat, max_tokens=room).act(shown)
        return await to_thread.run_sync(self._explained, reply)

    def _room(self, request: PolicyRequest) -> int:
        if self.context is None:
            return self.max_new_tokens
        wire = [to_wire(message) for message in request.messages]
        prompt = self.tokens.count(wire, [tool_to_wire(tool) for tool in request.tools])
        if prompt >= self.context:
            raise ContextOverflow(f"the conversation has {prompt} tokens, the context {self.context}")
        return min(self.max_new_tokens, self.context - prompt)

    def _explained(self, reply: PolicyReply) -> PolicyReply:
        sampling = {**self.told, **reply.sampling}
        if reply.tokens is None:
            return attrs.evolve(reply, sampling=sampling)
        ids = reply.tokens.completion_ids
        call = reply.calls[0] if reply.calls else None
        span = self.tokens.arguments(ids, call.name, call.arguments) if call is not None else ()
        record = attrs.evolve(reply.tokens, weight_version=self.weights, tokenizer=self.tokens.digest, arguments=span)
        text = escape(self.tokens.text(ids))
        extra = reply.extra if text == reply.content else {**reply.extra, RAW: text}
        # Of exactly as many ids as were allowed, all the same complete; the proxy's own reason says nothing either way.
        truncated = reply.truncated and not self.tokens.is_ended(ids)
        return attrs.evolve(reply, sampling=sampling, tokens=record, extra=extra, truncated=truncated)


def as_shown(messages: tuple[Message, ...], history: str) -> tuple[Message, ...]:
    """The conversation as the proxy is sent it: earlier turns as the text that was sampled, or as parsed messages.

    Raw text is what most templates copy into the prompt as it stands, so the next prompt begins with all of this one.
    """
    return tuple(_shown(message, history) for message in messages)


def _shown(message: Message, history: str) -> Message:
    if RAW not in message.extra:
        return message
    extra = {key: value for key, value in message.extra.items() if key != RAW}
    if history == "raw":
        return attrs.evolve(message, content=message.extra[RAW], calls=(), extra=extra)
    return attrs.evolve(message, extra=extra)
