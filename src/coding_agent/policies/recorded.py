"""`recorded`: says again what a log's policy said, turn by turn, while the world answers anew.

A log holds text escaped; a reply holds it as the model wrote it, since the recorder will escape it again.
"""

from __future__ import annotations

from collections.abc import Iterable

import attrs

from coding_agent.errors import PolicyError
from coding_agent.events.schema import ModelTurn
from coding_agent.events.text import unescape
from coding_agent.policies.base import PolicyReply, PolicyRequest, RawCall


@attrs.frozen
class RecordedPolicy:
    """Turn t answers with the log's turn t, whatever the conversation says."""

    turns: tuple[ModelTurn, ...]
    spec: str
    privileged: bool = False

    @classmethod
    def of(cls, turns: Iterable[ModelTurn], spec: str, *, privileged: bool = False) -> RecordedPolicy:
        return cls(tuple(turns), spec, privileged)

    async def act(self, request: PolicyRequest) -> PolicyReply:
        if request.turn > len(self.turns):
            raise PolicyError(f"{self.spec} is over: it has {len(self.turns)} turns, this is turn {request.turn}")
        turn = self.turns[request.turn - 1]
        return PolicyReply(
            content=None if turn.content is None else unescape(turn.content),
            calls=tuple(
                RawCall(id=unescape(call.id), name=unescape(call.name), arguments=unescape(call.raw))
                for call in turn.calls
            ),
            actor=turn.actor,
            extra=turn.extra,
            finish_reason=turn.finish_reason,
            truncated=turn.truncated,
            sampling=turn.sampling,
            usage=turn.usage,
            tokens=turn.tokens,
            mixture=turn.mixture,
        )
