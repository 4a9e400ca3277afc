"""`gold`: applies the task's own solution. Privileged: proves that a task can be solved, never stands for an agent."""

from __future__ import annotations

import json

import attrs

from coding_agent.policies.base import PolicyReply, PolicyRequest, RawCall


@attrs.frozen
class GoldPolicy:
    """Patch, run the tests, submit."""

    patch: str = attrs.field(repr=False)
    spec: str = "gold"
    privileged: bool = True

    async def act(self, request: PolicyRequest) -> PolicyReply:
        steps = [("run_tests", {}), ("submit", {"status": "solved", "summary": "The task's own patch."})]
        if self.patch.strip():
            steps.insert(0, ("apply_patch", {"patch": self.patch}))
        name, arguments = steps[min(request.turn, len(steps)) - 1]
        call = RawCall(id=f"call_{request.turn}", name=name, arguments=json.dumps(arguments, ensure_ascii=False))
        return PolicyReply(content=None, calls=(call,))
