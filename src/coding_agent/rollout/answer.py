"""Answering one tool call: dispatch it, and write what came of it as events."""

from __future__ import annotations

import time

import attrs

from coding_agent.events.schema import Event, TestRun, ToolOutcome, ToolResult
from coding_agent.events.text import escape
from coding_agent.events.values import Limits
from coding_agent.rollout.clean import CleanSandbox
from coding_agent.rollout.decide import RunTool
from coding_agent.rollout.record import ChangeRecorder, to_test_run
from coding_agent.rollout.state import EpisodeState
from coding_agent.sandbox.base import Sandbox
from coding_agent.tasks.spec import TaskSpec
from coding_agent.tools.base import ToolAnswer, ToolContext
from coding_agent.tools.dispatch import Denied, prepare, run
from coding_agent.tools.render_tests import render_test_run


async def answer_tool(
    step: RunTool, state: EpisodeState, sandbox: Sandbox, task: TaskSpec, recorder: ChangeRecorder
) -> tuple[Event, ...]:
    """The events that answer the open call: a ToolResult, before it a TestRun if tests ran. Raises SandboxError."""
    if state.open_test is not None:
        return (_after_tests(step, state.open_test, state.limits),)
    prepared = prepare(step.asked, tuple(tool.name for tool in state.header.tools))
    if isinstance(prepared, Denied):
        return (ToolResult(call=step.call.call, outcome="denied", text=prepared.text),)
    began = time.monotonic()
    clean = CleanSandbox(sandbox, recorder.secrets)
    context = ToolContext(sandbox=clean, limits=state.limits, test_command=task.test_command)
    answer = await run(prepared, context)
    took = time.monotonic() - began
    if answer.test is not None:
        return _tested(step, answer, recorder, state.limits, took, clean.taken_out)
    result = ToolResult(
        call=step.call.call,
        outcome=answer.outcome,
        text=escape(answer.text),
        dropped=answer.dropped,
        changes=None if answer.changes is None else recorder.record(answer.changes),
        latency_s=took,
        redacted=clean.taken_out,
    )
    return (result,)


def _tested(
    step: RunTool, answer: ToolAnswer, recorder: ChangeRecorder, limits: Limits, took: float, redacted: int
) -> tuple[Event, ...]:
    assert answer.test is not None
    assert answer.changes is not None
    changes = recorder.record(answer.changes)
    call = step.call.call
    test_run = to_test_run(
        answer.test, purpose="agent", command=answer.test_command, tree=changes.tree, call=call, changes=changes,
        latency_s=took, redacted=redacted,
    )  # fmt: skip
    return (test_run, attrs.evolve(_after_tests(step, test_run, limits), latency_s=took))


def _after_tests(step: RunTool, test_run: TestRun, limits: Limits) -> ToolResult:
    outcome: ToolOutcome = "timeout" if test_run.timed_out else "ok"
    return ToolResult(call=step.call.call, outcome=outcome, text=render_test_run(test_run, test_s=limits.test_s))
