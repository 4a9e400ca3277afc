"""What a policy is: a function of conversation, seed and turn. It executes nothing and remembers nothing."""

from __future__ import annotations

from typing import Protocol

import attrs

from coding_agent.events.values import JSON, Message, Mixture, TokenRecord, ToolSchema, Usage


@attrs.frozen(kw_only=True)
class PolicyRequest:
    """Everything that a policy may look at."""

    messages: tuple[Message, ...]
    tools: tuple[ToolSchema, ...]
    seed: int
    turn: int
    """From 1."""


@attrs.frozen(kw_only=True)
class RawCall:
    """A tool call as it came: `arguments` is an unparsed string."""

    id: str
    name: str
    arguments: str


@attrs.frozen(kw_only=True)
class PolicyReply:
    """One assistant message and what is known about how it came to be."""

    content: str | None = None
    calls: tuple[RawCall, ...] = ()
    actor: str = "policy"
    extra: dict[str, JSON] = attrs.field(factory=dict)
    finish_reason: str | None = None
    truncated: bool = False
    sampling: dict[str, JSON] = attrs.field(factory=dict)
    usage: Usage = attrs.field(factory=Usage)
    tokens: TokenRecord | None = None
    mixture: Mixture | None = None
    retries: int = 0
    redacted: int = 0
    """How many times the policy's own secrets were taken out of it."""


class ContextOverflow(Exception):
    """The conversation no longer fits the model's context; the episode ends with `context_limit`."""


class Policy(Protocol):
    """Stateless between turns: the same request gets the same reply from a deterministic policy."""

    @property
    def spec(self) -> str:
        """How it was constructed, as the command line writes it; never holds a secret."""
        ...

    @property
    def privileged(self) -> bool:
        """It was given a secret of the task at construction."""
        ...

    async def act(self, request: PolicyRequest) -> PolicyReply:
        """Raises PolicyError when there is no answer to be had, PolicyUnavailable when there may be one later,
        ContextOverflow when the request is too long.

        Whatever else it raises is a bug of the policy, and ends the episode as `policy_error`.
        """
        ...
