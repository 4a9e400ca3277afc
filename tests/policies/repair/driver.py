"""Rolls out the repairer on a few files, in a real sandbox, through the real loop."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import attrs

from coding_agent.events.schema import Event
from coding_agent.events.values import Message
from coding_agent.policies.base import Policy, PolicyReply, PolicyRequest
from coding_agent.policies.repair import RepairPolicy
from coding_agent.projections.conversation import conversation
from coding_agent.store.reader import read_events
from coding_agent.tasks.spec import TaskFile, TaskLimits, TaskSpec
from tests.rollout.worlds import job, roll_out


@attrs.frozen(kw_only=True)
class Told:
    """What a log says of an episode."""

    events: tuple[Event, ...]
    messages: tuple[Message, ...]
    reason: str
    passed: bool | None
    digest: str

    @property
    def tools(self) -> list[str]:
        return [call.name for message in self.messages for call in message.calls]

    @property
    def summary(self) -> str:
        return str((self.messages[-2].calls[0].arguments or {}).get("summary", ""))


class Fresh:
    """The repairer, made anew for every turn."""

    spec = "repair"
    privileged = False

    async def act(self, request: PolicyRequest) -> PolicyReply:
        return await RepairPolicy().act(request)


async def repair(
    folder: Path, files: Mapping[str, str], statement: str = "It is wrong.", *, turns: int = 40,
    policy: Policy | None = None, toolset: str = "default", test_s: float = 60.0, command_s: float = 60.0,
) -> Told:  # fmt: skip
    """One episode; `tests/test_it.py::test_it` decides."""
    task = TaskSpec(
        id="planted", title="A planted bug", statement=statement, difficulty=1, kind="bug", tags=(), licence="MIT",
        test_command=("python", "-m", "pytest", "-q"), fail_to_pass=("tests/test_it.py::test_it",), pass_to_pass=(),
        limits=TaskLimits(turns=turns, seconds=3000.0, command_s=command_s, test_s=test_s), allowed=("**",),
        protected=("tests/**",), gold_patch="", hidden={},
        files={path: TaskFile(data=text.encode()) for path, text in files.items()},
    )  # fmt: skip
    (outcome,) = await roll_out(folder / "run", [job(policy or RepairPolicy(), task=task)], toolset=toolset)
    events = read_events(outcome.path)
    return Told(
        events=events,
        messages=conversation(events),
        reason=outcome.reason,
        passed=outcome.passed,
        digest=outcome.semantic_digest,
    )
