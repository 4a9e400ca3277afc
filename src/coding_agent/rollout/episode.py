"""The loop: ask `decide` what happens next, let the world answer, write the answer down, go on.

Every failure inside an episode becomes `Stopped` here, at one boundary. Cancellation writes `Stopped` and `Done`
and travels on; only bugs leave this file as exceptions.
"""

from __future__ import annotations

import math

import anyio

from coding_agent.errors import EncodeError, PolicyError, PolicyUnavailable, SandboxError, StoreError
from coding_agent.events.schema import Done, Event, StopCause
from coding_agent.policies.base import ContextOverflow, Policy
from coding_agent.rollout.answer import answer_tool
from coding_agent.rollout.ask import ask_policy
from coding_agent.rollout.begin import Beginning
from coding_agent.rollout.decide import Append, AskPolicy, Finish, Grade, RunTool, Step, decide
from coding_agent.rollout.fill import refill
from coding_agent.rollout.grade import grade
from coding_agent.rollout.journal import Journal
from coding_agent.rollout.record import ChangeRecorder
from coding_agent.rollout.state import EpisodeState
from coding_agent.rollout.workspace import base_tree, recorded_changes
from coding_agent.rollout.world import World
from coding_agent.sandbox.base import Refused, Sandbox, TooMuchChanged
from coding_agent.tasks.spec import TaskSpec


class Episode:
    """One episode and its log, new or gone on with. `run` it once."""

    def __init__(self, *, task: TaskSpec, policy: Policy, world: World, beginning: Beginning) -> None:
        self.task, self.policy, self.world = task, policy, world
        self.journal = Journal(beginning, world)
        self._first, self._spent_s = beginning.first, beginning.spent_s
        self._base, self._changes = base_tree(task.files), recorded_changes(self.journal.events)
        explained = (file.path for changes in self._changes for file in changes.files)
        self._recorder = ChangeRecorder(self._base, world.run.blobs.put, explained, secrets=world.secrets)

    @property
    def state(self) -> EpisodeState:
        return self.journal.state

    async def run(self) -> EpisodeState:
        """Play to the end. Raises StoreError when the log can not be written, and whatever is a bug."""
        try:
            with anyio.CancelScope(shield=True):
                # A log without its first event could not even say that it was cancelled.
                if self._first is not None:
                    await self.journal.record(self._first)
            await self._converse()
            await self._conclude()
        except anyio.get_cancelled_exc_class():
            with anyio.CancelScope(shield=True):
                if not _only_to_seal(decide(self.state)):
                    await self.journal.stop("cancelled", "")
                await self._conclude()
            raise
        return self.state

    async def abandon(self, detail: str) -> None:
        """Seal the log after a bug, so that what happened until then is kept and nobody learns from it."""
        with anyio.CancelScope(shield=True):
            if self.state.started is not None:
                await self.journal.stop("infra_error", detail)
                await self._conclude()

    async def _converse(self) -> None:
        """Play until there is nothing left but to grade, or until something from outside ends it."""
        if not _is_live(decide(self.state)):
            return
        try:
            # Waiting in line is not the episode's own time: how long it takes is decided by its siblings.
            async with self.world.lanes.sandboxes:
                await self._play()
        except (ContextOverflow, PolicyError, SandboxError, EncodeError, TooMuchChanged) as error:
            await self.journal.stop(*_stop_of(error))

    async def _play(self) -> None:
        """Answer step after step in one sandbox, under one clock: first that of the set-up, then the episode's own."""
        world, own_s = self.world, self.state.limits.seconds
        if world.is_over():
            raise SandboxError("no sandbox came free before the time of the whole step was over")
        began, is_set_up = anyio.current_time(), False
        with anyio.CancelScope(deadline=world.deadline(began + world.set_up_s)) as clock:
            async with world.backend.open(world.spec) as sandbox:
                expected = self._changes[-1].tree if self._changes else self.state.header.tree
                await refill(sandbox, self._base, self._changes, world.run.blobs.get, expected)
                is_set_up, clock.deadline = True, world.deadline(began + max(0.0, own_s - self._spent_s))
                while _is_live(step := decide(self.state)):
                    await self.journal.record(*await self._answer(step, sandbox))
        if clock.cancelled_caught and not is_set_up:
            bound = "before the time of the whole step was over" if world.is_over() else f"within {world.set_up_s:g} s"
            raise SandboxError(f"set-up did not end {bound}")
        if clock.cancelled_caught:
            whose = "the time of the whole step is over" if world.is_over() else f"{own_s:g} s are over"
            await self.journal.stop("time_limit", whose)

    async def _answer(self, step: Step, sandbox: Sandbox) -> tuple[Event, ...]:
        match step:
            case Append(event=event):
                return (event,)
            case AskPolicy():
                self.journal.enter("policy")
                return (await ask_policy(step, self.state, self.journal.tail, self.policy, self.world),)
            case RunTool():
                self.journal.enter("tool")
                return await answer_tool(step, self.state, sandbox, self.task, self._recorder)
            case _:
                raise AssertionError(step)

    async def _conclude(self) -> None:
        """Grade if there is something to grade, and seal the log."""
        self.journal.enter("grade")
        while not isinstance(step := decide(self.state), Finish):
            match step:
                case Append(event=event):
                    await self.journal.record(event)
                case Grade():
                    await self._grade()
                case _:
                    detail = f"the episode stood at {type(step).__name__} when it ended"
                    await self.journal.stop("infra_error", detail)
        self.journal.enter("done")

    async def _grade(self) -> None:
        world = self.world
        try:
            with anyio.CancelScope(deadline=math.inf if world.grades_until is None else world.grades_until) as clock:
                async with world.lanes.graders:
                    run = await grade(
                        self.task, self.journal.events, backend=world.backend, spec=world.spec,
                        test_s=self.state.limits.test_s, read_blob=world.run.blobs.get, secrets=world.secrets,
                    )  # fmt: skip
            if clock.cancelled_caught:
                raise SandboxError("it was not graded before the time of the whole step was over")  # noqa: TRY301
        except (SandboxError, StoreError, Refused) as error:
            await self.journal.stop(*_stop_of(error))
            return
        try:
            await self.journal.record(run)
        except EncodeError as error:
            await self.journal.stop(*_stop_of(error))


def _stop_of(error: Exception) -> tuple[StopCause, str]:
    """Whose failure it is, which decides whether it is scored or masked, and what the log says of it."""
    match error:
        case ContextOverflow():
            return "context_limit", str(error)
        case PolicyError():
            return "infra_error" if isinstance(error, PolicyUnavailable) else "policy_error", str(error)
        case Refused():
            # The agent's work and the tests do not fit into a workspace together.
            return "policy_error", f"can not be graded: {error}"
        case EncodeError() | TooMuchChanged():
            return "policy_error", f"can not be recorded: {error}"
        case _:
            return "infra_error", f"{type(error).__name__}: {error}"


def _is_live(step: Step) -> bool:
    return not (isinstance(step, Grade | Finish) or _only_to_seal(step))


def _only_to_seal(step: Step) -> bool:
    """Graded, or not to be graded: the episode is over, whatever becomes of the run."""
    return isinstance(step, Append) and isinstance(step.event, Done)
