"""The loop: ask `decide` what happens next, let the world answer, write the answer down, go on.

Every failure inside an episode becomes `Stopped` here, at one boundary. Cancellation writes `Stopped` and `Done`
and travels on; only bugs leave this file as exceptions.
"""

from __future__ import annotations

import functools
import time
from typing import assert_never

import anyio
import attrs
import structlog
from anyio import to_thread

from coding_agent.errors import EncodeError, PolicyError, PolicyUnavailable, SandboxError, StoreError
from coding_agent.events.schema import Done, Event, StopCause, Stopped
from coding_agent.events.text import escape
from coding_agent.events.tokens import Tail
from coding_agent.policies.base import ContextOverflow, Policy, PolicyRequest
from coding_agent.rollout.answer import answer_tool
from coding_agent.rollout.begin import Beginning
from coding_agent.rollout.clean import clean_reply
from coding_agent.rollout.decide import Append, AskPolicy, Finish, Grade, RunTool, Step, decide
from coding_agent.rollout.fill import fill
from coding_agent.rollout.grade import grade
from coding_agent.rollout.record import ChangeRecorder, to_turn
from coding_agent.rollout.state import EpisodeState, evolve, fold
from coding_agent.rollout.workspace import base_tree, recorded_changes, replay_changes
from coding_agent.rollout.world import Stage, World
from coding_agent.sandbox.base import Refused, Sandbox, TooMuchChanged
from coding_agent.tasks.spec import TaskSpec

_log = structlog.get_logger("coding_agent.episode")


class Episode:
    """One episode and its log, new or gone on with. `run` it once."""

    def __init__(self, *, task: TaskSpec, policy: Policy, world: World, beginning: Beginning) -> None:
        self.task, self.policy, self.world = task, policy, world
        self.log, self._first, self._spent_s = beginning.log, beginning.first, beginning.spent_s
        self.events: list[Event] = list(beginning.history)
        self.state = fold(self.events)
        self.tail = functools.reduce(Tail.after, self.events, Tail())
        self.stage: Stage = "set-up"
        self.moved_at = anyio.current_time()
        explained = (file.path for changes in recorded_changes(self.events) for file in changes.files)
        self.recorder = ChangeRecorder(base_tree(task.files), world.run.blobs.put, explained, secrets=world.secrets)

    async def run(self) -> EpisodeState:
        """Play to the end. Raises StoreError when the log can not be written, and whatever is a bug."""
        try:
            with anyio.CancelScope(shield=True):
                # A log without its first event could not even say that it was cancelled.
                if self._first is not None:
                    await self._record(self._first)
            await self._converse()
            await self._conclude()
        except anyio.get_cancelled_exc_class():
            with anyio.CancelScope(shield=True):
                if not self._only_to_seal(decide(self.state)):
                    await self._stop("cancelled", "")
                await self._conclude()
            raise
        return self.state

    async def abandon(self, detail: str) -> None:
        """Seal the log after a bug, so that what happened until then is kept and nobody learns from it."""
        with anyio.CancelScope(shield=True):
            if self.state.started is not None:
                await self._stop("infra_error", detail)
                await self._conclude()

    async def _converse(self) -> None:
        """Play until there is nothing left but to grade, or until something from outside ends it."""
        if not self._is_live(decide(self.state)):
            return
        seconds, set_up_s, is_set_up = self.state.limits.seconds, self.world.set_up_s, False
        try:
            # Waiting in line is not the episode's own time: how long it takes is decided by its siblings.
            async with self.world.lanes.sandboxes:
                if self.world.is_over():
                    raise SandboxError("no sandbox came free before the time of the whole step was over")  # noqa: TRY301
                began = anyio.current_time()
                with anyio.move_on_after(set_up_s) as clock:
                    async with self.world.backend.open(self.world.spec) as sandbox:
                        await self._fill(sandbox)
                        is_set_up, clock.deadline = True, self._deadline(began + max(0.0, seconds - self._spent_s))
                        while self._is_live(step := decide(self.state)):
                            await self._answer(step, sandbox)
            if clock.cancelled_caught and not is_set_up:
                raise SandboxError(f"set-up did not end within {set_up_s:g} s")  # noqa: TRY301  one place records it
            if clock.cancelled_caught:
                own = self.world.ends_at is None or anyio.current_time() < self.world.ends_at
                await self._stop(
                    "time_limit", f"{seconds:g} s are over" if own else "the time of the whole step is over"
                )
        except ContextOverflow as overflow:
            await self._stop("context_limit", str(overflow))
        except PolicyError as error:
            away = isinstance(error, PolicyUnavailable)
            await self._stop("infra_error" if away else "policy_error", str(error))
        except SandboxError as error:
            await self._stop("infra_error", f"{type(error).__name__}: {error}")
        except (EncodeError, TooMuchChanged) as error:
            await self._stop("policy_error", f"can not be recorded: {error}")

    async def _conclude(self) -> None:
        """Grade if there is something to grade, and seal the log."""
        self._enter("grade")
        while not isinstance(step := decide(self.state), Finish):
            match step:
                case Append(event=event):
                    await self._record(event)
                case Grade():
                    await self._grade()
                case _:
                    await self._stop("infra_error", f"the episode stood at {type(step).__name__} when it ended")
        self._enter("done")

    async def _answer(self, step: Step, sandbox: Sandbox) -> None:
        match step:
            case Append(event=event):
                await self._record(event)
            case AskPolicy():
                await self._ask(step)
            case RunTool():
                self._enter("tool")
                events = await answer_tool(step, self.state, sandbox, self.task, self.recorder)
                for event in events:
                    await self._record(event)
            case Grade() | Finish():
                raise AssertionError(step)
            case _:
                assert_never(step)

    async def _ask(self, step: AskPolicy) -> None:
        self._enter("policy")
        header = self.state.header
        messages = self.state.conversation.messages
        request = PolicyRequest(messages=messages, tools=header.tools, seed=header.seed, turn=step.turn)
        try:
            async with self.world.lanes.models:
                began = time.monotonic()
                reply = await self.policy.act(request)
                took = time.monotonic() - began
            reply, redacted = clean_reply(reply, self.world.secrets)
            if reply.tokens is not None:
                reply = attrs.evolve(reply, tokens=self.tail.compress(reply.tokens))
            turn = to_turn(reply, turn=step.turn, request_digest=step.request_digest, latency_s=took, redacted=redacted)
        except (PolicyError, ContextOverflow):
            raise
        except Exception as bug:
            # Whoever wrote the policy needs the traceback; the log gets what happened.
            _log.exception("bug in a policy", episode=header.episode, policy=header.policy, turn=step.turn)
            raise PolicyError(f"bug in the policy: {type(bug).__name__}: {bug}") from bug
        await self._record(turn)

    async def _grade(self) -> None:
        world = self.world
        try:
            async with world.lanes.graders:
                run = await grade(
                    self.task, self.events, backend=world.backend, spec=world.spec,
                    test_s=self.state.limits.test_s, read_blob=world.run.blobs.get, secrets=world.secrets,
                )  # fmt: skip
        except (SandboxError, StoreError) as error:
            await self._stop("infra_error", f"{type(error).__name__}: {error}")
            return
        except Refused as refused:
            # The agent's work and the tests do not fit into a workspace together.
            await self._stop("policy_error", f"can not be graded: {refused}")
            return
        try:
            await self._record(run)
        except EncodeError as error:
            await self._stop("policy_error", f"can not be recorded: {error}")

    def _deadline(self, own: float) -> float:
        return own if self.world.ends_at is None else min(own, self.world.ends_at)

    async def _fill(self, sandbox: Sandbox) -> None:
        """The workspace as the log left it: the task's files and every recorded change, and nothing executed."""
        changes = recorded_changes(self.events)
        expected = changes[-1].tree if changes else self.state.header.tree
        try:
            base = base_tree(self.task.files)
            tree = replay_changes(base, changes, self.world.run.blobs.get)
        except StoreError as error:
            raise SandboxError(f"the workspace can not be rebuilt: {error}") from error
        try:
            found = await fill(sandbox, base, tree)
        except Refused as refused:
            raise SandboxError(f"the workspace can not be filled: {refused}") from refused
        if found != expected:
            raise SandboxError(f"the workspace was filled with tree {found[:12]}, the log says {expected[:12]}")

    async def _stop(self, cause: StopCause, detail: str) -> None:
        if self.state.done is None:
            text, redacted = self.world.secrets.scrub(escape(detail))
            await self._record(Stopped(cause=cause, stage=self.stage, detail=text, redacted=redacted))

    async def _record(self, event: Event) -> None:
        """Acknowledge one event. Slow (synced) appends leave the event loop alone."""
        state = evolve(self.state, event)
        if isinstance(event, Done) or self.world.durability == "event":
            await to_thread.run_sync(self.log.append, event)
        else:
            self.log.append(event)
        self.state, self.tail = state, self.tail.after(event)
        self.events.append(event)
        self.moved_at = anyio.current_time()
        self.world.observer(state.header.episode, self.stage, event)

    def _enter(self, stage: Stage) -> None:
        self.stage = stage
        self.moved_at = anyio.current_time()
        if self.state.started is not None:
            self.world.observer(self.state.header.episode, stage, None)

    def _is_live(self, step: Step) -> bool:
        return not (isinstance(step, Grade | Finish) or self._only_to_seal(step))

    def _only_to_seal(self, step: Step) -> bool:
        """Graded, or not to be graded: the episode is over, whatever becomes of the run."""
        return isinstance(step, Append) and isinstance(step.event, Done)
