"""Executing replay: every recorded call and test run once more in a fresh sandbox, and what came of it compared.

The conversation stays the recorded one: no policy is asked. It tells whether the recorded *world* is reproducible,
result by result, after the normalisation of `normalise`. After a difference the workspace is brought back to what the
log says, so that each difference is one of its own and not an echo.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack

import anyio
import attrs

from coding_agent.errors import SandboxError, UsageError
from coding_agent.events.schema import WIRE_NAMES, EpisodeStarted, Event, TestRun, ToolResult
from coding_agent.events.values import JSON
from coding_agent.replay.divergence import first_difference
from coding_agent.replay.normalise import comparable, trees_comparable
from coding_agent.rollout.answer import answer_tool
from coding_agent.rollout.decide import RunTool, decide
from coding_agent.rollout.fill import fill
from coding_agent.rollout.grade import grade
from coding_agent.rollout.record import ChangeRecorder
from coding_agent.rollout.secrets import own_secrets
from coding_agent.rollout.state import EpisodeState, evolve
from coding_agent.rollout.workspace import ReadBlob, base_tree, recorded_changes, replay_changes
from coding_agent.sandbox.base import Sandbox, SandboxBackend, SandboxSpec
from coding_agent.tasks.spec import TaskSpec

SET_UP_S = 120.0


@attrs.frozen(kw_only=True)
class Difference:
    """One recorded answer that the world did not give again. Values are normalised."""

    seq: int
    event: str
    """Wire name of the recorded event."""
    call: str | None
    """None: the grade."""
    tool: str | None
    path: str
    recorded: JSON
    executed: JSON


@attrs.frozen(kw_only=True)
class Execution:
    """What came of executing an episode again."""

    calls: int
    """Executed, denied ones included."""
    graded: bool
    """The grade was executed too."""
    skipped: int
    """Calls that have no recorded answer, or one that was interrupted."""
    differences: tuple[Difference, ...]
    complete: bool
    """False: stopped at the first difference."""


async def execute(
    events: Sequence[Event], task: TaskSpec, *, backend: SandboxBackend, spec: SandboxSpec, read_blob: ReadBlob,
    keep_going: bool = False,
) -> Execution:  # fmt: skip
    """Execute an episode again. Raises UsageError for another task, SandboxError, StoreError for a missing blob."""
    header = events[0]
    if not isinstance(header, EpisodeStarted) or header.task_digest != task.digest:
        raise UsageError(f"the task {task.id} is not the one in the log; give the task as it was (--tasks)")
    async with AsyncExitStack() as stack:
        world = _World(task, backend, spec, read_blob, stack)
        state = EpisodeState()
        for seq, event in enumerate(events):
            if isinstance(event, ToolResult | TestRun):
                await world.answer(seq, events, state)
                if world.differences and not keep_going:
                    break
            state = evolve(state, event)
    return Execution(
        calls=world.calls,
        graded=world.graded,
        skipped=sum(step.outcome == "interrupted" for step in events if isinstance(step, ToolResult))
        + (state.open_call is not None),
        differences=tuple(world.differences),
        complete=keep_going or not world.differences,
    )


class _World:
    def __init__(
        self, task: TaskSpec, backend: SandboxBackend, spec: SandboxSpec, read_blob: ReadBlob, stack: AsyncExitStack
    ) -> None:
        self.task, self.backend, self.spec, self.read_blob, self._stack = task, backend, spec, read_blob, stack
        self.differences: list[Difference] = []
        self.calls, self.graded = 0, False
        self._sandbox: Sandbox | None = None

    async def answer(self, seq: int, events: Sequence[Event], state: EpisodeState) -> None:
        """Execute what the event at `seq` begins to answer, and compare."""
        recorded = events[seq]
        if isinstance(recorded, TestRun) and recorded.purpose == "grade":
            executed = await grade(
                self.task, events[:seq], backend=self.backend, spec=self.spec, test_s=state.limits.test_s,
                read_blob=self.read_blob, secrets=own_secrets(),
            )  # fmt: skip
            self.graded = True
            self._compare(seq, recorded, executed, None)
        elif state.open_test is None and not (isinstance(recorded, ToolResult) and recorded.outcome == "interrupted"):
            await self._call(seq, events, state)

    async def _call(self, seq: int, events: Sequence[Event], state: EpisodeState) -> None:
        step = decide(state)
        if not isinstance(step, RunTool):
            raise UsageError(f"event {seq} answers no call; `coding-agent replay` without --execute says more")
        sandbox = await self._at(events[:seq])
        explained = (file.path for changes in recorded_changes(events[:seq]) for file in changes.files)
        recorder = ChangeRecorder(base_tree(self.task.files), _name, explained, secrets=own_secrets())
        self.calls += 1
        answers = await answer_tool(step, state, sandbox, self.task, recorder)
        same = True
        for at, executed in enumerate(answers, start=seq):
            assert isinstance(executed, ToolResult | TestRun)
            same = self._compare(at, events[at], executed, step.call.tool) and same
        if not same:
            # Whatever the workspace is now, the next call finds it as the log says.
            await self._stack.aclose()
            self._sandbox = None

    async def _at(self, events: Sequence[Event]) -> Sandbox:
        if self._sandbox is None:
            tree = replay_changes(base_tree(self.task.files), recorded_changes(events), self.read_blob)
            self._sandbox = await self._stack.enter_async_context(self.backend.open(self.spec))
            with anyio.move_on_after(SET_UP_S) as clock:
                await fill(self._sandbox, base_tree(self.task.files), tree)
            if clock.cancelled_caught:
                raise SandboxError(f"set-up did not end within {SET_UP_S:g} s")
        return self._sandbox

    def _compare(self, seq: int, recorded: Event, executed: ToolResult | TestRun, tool: str | None) -> bool:
        """Whether the workspace can be gone on with; differences are noted."""
        found = _difference(recorded, executed)
        if found is not None:
            path, left, right = found
            call = executed.call
            name = WIRE_NAMES[type(recorded)]
            self.differences.append(
                Difference(seq=seq, event=name, call=call, tool=tool, path=path, recorded=left, executed=right)
            )
            return False
        assert isinstance(recorded, ToolResult | TestRun)
        return trees_comparable(recorded, executed)


def _difference(recorded: Event, executed: ToolResult | TestRun) -> tuple[str, JSON, JSON] | None:
    name = WIRE_NAMES[type(executed)]
    if not isinstance(recorded, ToolResult | TestRun) or type(recorded) is not type(executed):
        return name, WIRE_NAMES[type(recorded)], name
    found = first_difference(comparable(recorded), comparable(executed), name)
    if found is not None or not trees_comparable(recorded, executed):
        return found
    return next(((f"{name}.tree", old, new) for old, new in _trees(recorded, executed) if old != new), None)


def _trees(recorded: ToolResult | TestRun, executed: ToolResult | TestRun) -> Iterator[tuple[JSON, JSON]]:
    if isinstance(recorded, TestRun) and isinstance(executed, TestRun):
        yield recorded.tree, executed.tree
    if recorded.changes and executed.changes:
        yield recorded.changes.tree, executed.changes.tree


def _name(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
