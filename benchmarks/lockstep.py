"""Rollouts in lockstep: every turn waits for the slowest sample. What `rollout_schedule` holds our scheduler against.

The order of work is that of the coding loop that AReno ships (`areno.agent.agent_loop._run_training_tasks_by_turn`):
all workspaces are made, then all model requests of a turn are gathered, then all their tools, then the next turn
begins; a sample that submitted takes no further part. The tools and sandboxes are ours, and nothing is logged or graded,
so what it loses against the scheduler it loses by the barrier alone.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Sequence
from contextlib import AsyncExitStack

import anyio
import attrs

from coding_agent.events.values import Message, ModelToolCall
from coding_agent.policies.base import PolicyReply, PolicyRequest
from coding_agent.rollout.record import to_turn
from coding_agent.rollout.scheduler import Job
from coding_agent.rollout.workspace import as_changes, base_tree
from coding_agent.sandbox.base import Sandbox, SandboxBackend, SandboxSpec
from coding_agent.tools.base import ToolContext
from coding_agent.tools.dispatch import TOOLSETS, Denied, prepare, run, tool_schemas


@attrs.define
class Sample:
    """One episode on its way."""

    job: Job
    sandbox: Sandbox
    messages: list[Message] = attrs.field(factory=list)
    turns: int = 0
    done: bool = False


async def roll_out_in_lockstep(jobs: Sequence[Job], backend: SandboxBackend, *, slots: int) -> list[int]:
    """Each job's number of turns."""
    models = anyio.CapacityLimiter(slots)
    async with AsyncExitStack() as stack:
        samples = [Sample(job, await stack.enter_async_context(backend.open(SandboxSpec()))) for job in jobs]
        await gather(fill(sample) for sample in samples)
        for turn in range(1, max(job.limits.turns for job in jobs) + 1):
            active = [sample for sample in samples if not sample.done and turn <= sample.job.limits.turns]
            if not active:
                break
            replies = await gather(ask(sample, turn, models) for sample in active)
            await gather(act(sample, turn, reply) for sample, reply in zip(active, replies, strict=True))
    return [sample.turns for sample in samples]


async def gather(work: Iterable[Awaitable[object]]) -> list[object]:
    """All results, in order, when the last one is there."""
    waiting = list(work)
    results: list[object] = [None] * len(waiting)

    async def put(index: int, each: Awaitable[object]) -> None:
        results[index] = await each

    async with anyio.create_task_group() as group:
        for index, each in enumerate(waiting):
            group.start_soon(put, index, each)
    return results


async def fill(sample: Sample) -> None:
    await sample.sandbox.apply(as_changes(base_tree(sample.job.task.files)))


async def ask(sample: Sample, turn: int, models: anyio.CapacityLimiter) -> PolicyReply:
    request = PolicyRequest(
        messages=tuple(sample.messages), tools=tool_schemas("default"), seed=sample.job.seed, turn=turn
    )
    async with models:
        return await sample.job.policy.act(request)


async def act(sample: Sample, turn: int, reply: object) -> None:
    """Run the reply's first call, and no other."""
    assert isinstance(reply, PolicyReply)
    said = to_turn(reply, turn=turn, request_digest="", latency_s=None)
    sample.turns = turn
    sample.messages.append(Message(role="assistant", content=said.content, calls=said.calls[:1]))
    if said.calls:
        text = await answer(sample, said.calls[0])
        sample.messages.append(Message(role="tool", content=text, call_id=said.calls[0].id))
        sample.done = said.calls[0].name == "submit"
    else:
        sample.messages.append(Message(role="user", content="Make exactly one tool call."))


async def answer(sample: Sample, call: ModelToolCall) -> str:
    prepared = prepare(call, TOOLSETS["default"])
    if isinstance(prepared, Denied):
        return prepared.text
    task, limits = sample.job.task, sample.job.limits
    return (
        await run(prepared, ToolContext(sandbox=sample.sandbox, limits=limits, test_command=task.test_command))
    ).text
