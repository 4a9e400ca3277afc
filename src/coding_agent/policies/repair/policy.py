"""The embedded default policy: a search-based program repairer without a model, behind the policy protocol."""

from __future__ import annotations

import json

import attrs

from coding_agent.policies.base import PolicyReply, PolicyRequest, RawCall
from coding_agent.policies.repair.decide import decide
from coding_agent.policies.repair.state import fold

HOPELESS = 2
"""Failed calls of `run_command` after which it is given up."""


@attrs.frozen(kw_only=True)
class RepairPolicy:
    """Finds out which tests fail, which lines are to blame, and which small mutation of them makes the tests pass.

    It uses only the tools that a model would use, sees neither hidden tests nor gold patches, and reads where it stands
    from the conversation.
    """

    @property
    def spec(self) -> str:
        return "repair"

    @property
    def privileged(self) -> bool:
        return False

    async def act(self, request: PolicyRequest) -> PolicyReply:
        """Always one tool call. Without `run_command` nothing is traced, and each mutant is tried by itself."""
        facts = fold(request.messages)
        if request.tools and all(tool.name != "run_command" for tool in request.tools):
            facts = attrs.evolve(facts, failed_calls={**facts.failed_calls, "run_command": HOPELESS})
        call = decide(facts, request.seed)
        raw = json.dumps(call.arguments, ensure_ascii=False)
        return PolicyReply(
            content=call.thought,
            calls=(RawCall(id=f"repair_{request.turn}", name=call.tool, arguments=raw),),
            finish_reason="tool_calls",
        )
