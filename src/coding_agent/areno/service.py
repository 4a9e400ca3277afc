"""What outlives a training step: the run directory with its manifest, the sandbox backend, and a thread with a loop.

AReno enters each step with a new event loop and tokenises on it. Episodes therefore run on a loop of their own, in one
thread for the life of the process; a step enters through a portal and leaves nothing behind but logs.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import os
import threading
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path

import anyio
import attrs
import structlog
from anyio import to_thread

from coding_agent.areno.config import ArenoConfig
from coding_agent.areno.gone_on import next_step
from coding_agent.areno.left_over import KILLED, left_over
from coding_agent.areno.logs import log_to_stderr
from coding_agent.areno.loop_thread import LoopThread
from coding_agent.areno.policy import ArenoPolicy
from coding_agent.areno.training_run import TrainingRun
from coding_agent.errors import TaskError
from coding_agent.events.text import escape
from coding_agent.events.values import Limits
from coding_agent.rollout.host import allow_files
from coding_agent.rollout.scheduler import UNFINISHED, Job, Outcome, Scheduler, episode_seed
from coding_agent.rollout.start import start_episode, task_limits
from coding_agent.rollout.world import Lanes, World
from coding_agent.sandbox.base import SandboxBackend, SandboxSpec
from coding_agent.sandbox.registry import make_backend
from coding_agent.store.rundir import RunDirectory
from coding_agent.tasks.load import load_task
from coding_agent.tasks.spec import TaskSpec

_log = structlog.get_logger("coding_agent.areno")


@attrs.frozen(kw_only=True)
class Asked:
    """One sample that AReno wants: `key` is (prompt index, sample index)."""

    key: tuple[int, int]
    folder: str = attrs.field(validator=attrs.validators.instance_of(str))
    """The task's."""
    digest: str = attrs.field(validator=attrs.validators.instance_of(str))


@attrs.define(kw_only=True)
class Played:
    """What became of a step."""

    step: int
    outcomes: dict[tuple[int, int], Outcome] = attrs.field(factory=dict)
    """By key; a sample whose episode could not even be recorded is missing."""
    problem: str | None = None
    """What ended the step early."""


class Service:
    """One per process and run directory."""

    def __init__(self, config: ArenoConfig) -> None:
        """Raises UsageError, StoreError, SandboxUnavailable."""
        allow_files()
        self.config = config
        self._resources = contextlib.ExitStack()
        self._scopes: dict[int, anyio.CancelScope] = {}
        """Of the steps that are running."""
        log_to_stderr()
        try:
            self.run = TrainingRun(config)
            self._resources.callback(self.run.close)
            self.next_step = next_step(self.run.directory)
            self.run.seal(left_over(self.run.directory), cause="cancelled", detail=KILLED)
            self._broken: dict[Path, str] = {}
            """Logs of this process that could not be written to their end, and why."""
            self._samples = _samples_taken(self.run.directory)
            self._backend: SandboxBackend = make_backend(config.sandbox)
            thread = LoopThread("coding-agent")
            self._resources.callback(thread.close)
            self._portal = thread.portal
        except BaseException:
            self._resources.close()
            raise
        atexit.register(self._resources.close)
        _log.info("logs of this training run", run=str(self.run.path), first_step=self.next_step)

    def submit(self, asked: Sequence[Asked], policy: ArenoPolicy, slots: int) -> tuple[int, Future[Played]]:
        """Begin a step; the result comes when every episode has ended, and never is an exception of an episode."""
        step, self.next_step = self.next_step, self.next_step + 1
        weighed = attrs.evolve(policy, weights=f"step:{step}")
        return step, self._portal.start_task_soon(self._play, step, asked, weighed, slots)

    def stop(self, step: int) -> None:
        """End a running step: its logs are completed as cancelled, its sandboxes closed."""
        self._portal.start_task_soon(self._cancel, step)

    def close(self) -> None:
        """Let go of everything; only tests need it before the process ends."""
        atexit.unregister(self._resources.close)
        self._resources.close()

    def disown(self) -> None:
        """In a forked child: it is the parent's, whose thread is not here. The lock stays with whoever has it open."""
        atexit.unregister(self._resources.close)
        self.run.close()

    async def _cancel(self, step: int) -> None:
        if step in self._scopes:
            self._scopes[step].cancel()

    async def _play(self, step: int, asked: Sequence[Asked], policy: ArenoPolicy, slots: int) -> Played:
        played = Played(step=step)
        jobs = self._jobs(played, asked, policy)
        keys = {(job.task.id, job.sample): key for key, job in jobs.items()}

        def keep(outcome: Outcome) -> None:
            if outcome.reason == UNFINISHED:
                self._broken[outcome.path] = outcome.detail
                played.problem = played.problem or outcome.detail
                _log.error("an episode can not be recorded", log=str(outcome.path), problem=outcome.detail)
            played.outcomes[keys[outcome.task, outcome.sample]] = outcome

        with anyio.CancelScope() as scope:
            self._scopes[step] = scope
            played.problem = await to_thread.run_sync(self._renew) or played.problem
            await to_thread.run_sync(self._mend)
            scheduler = Scheduler(
                world=self._world(slots),
                start=functools.partial(start_episode, backend=self._backend, toolset=self.config.toolset),
                # Whoever waits for a sandbox has an open log: no more of them than can be played or graded.
                concurrency=(self.config.concurrency or slots) + self.config.graders,
                retries=self.config.retries,
                on_outcome=keep,
            )
            await scheduler.run(list(jobs.values()), self.run)
        del self._scopes[step]
        await to_thread.run_sync(self._mend)
        return played

    def _mend(self) -> None:
        """Seal what could not be written before, so that its log says why nobody learnt from it."""
        for log, why in list(self._broken.items()):
            detail = f"its log could not be written: {why}"
            if not self.run.seal([log], cause="infra_error", detail=escape(detail)):
                self._broken.pop(log, None)

    def _renew(self) -> str | None:
        return self.run.renew(alone=len(self._scopes) == 1)

    def _jobs(self, played: Played, asked: Sequence[Asked], policy: ArenoPolicy) -> dict[tuple[int, int], Job]:
        """By key; without those of tasks that can not be read, each of which is told of once."""
        jobs: dict[tuple[int, int], Job] = {}
        unread: set[str] = set()
        for each in asked:
            if each.folder in unread:
                continue
            try:
                jobs[each.key] = self._job(played.step, each, policy)
            except TaskError as error:
                unread.add(each.folder)
                played.problem = played.problem or str(error)
                _log.error("a task can no longer be read; its group is left out", step=played.step, problem=str(error))
        return jobs

    def _job(self, step: int, asked: Asked, policy: ArenoPolicy) -> Job:
        """Raises TaskError."""
        task = _task(asked.folder, asked.digest)
        folder = self.run.directory.log_path(task.id, 0, 0).parent.name
        sample = self._samples[folder]
        self._samples[folder] += 1
        return Job(
            task=task,
            policy=policy,
            sample=sample,
            limits=self._limits(task),
            seed=episode_seed(self.config.seed, task.id, sample),
            step=step,
            group=f"{step}/{asked.key[0]}",
        )

    def _limits(self, task: TaskSpec) -> Limits:
        own, config = task_limits(task, max_turns=self.config.max_turns), self.config
        return attrs.evolve(own, tokens=config.max_tokens or own.tokens, seconds=config.max_seconds or own.seconds)

    def _world(self, slots: int) -> World:
        config = self.config
        return World(
            backend=self._backend,
            spec=SandboxSpec(),
            run=self.run.directory,
            lanes=Lanes.of(models=slots, sandboxes=config.concurrency or slots, graders=config.graders),
            durability=config.durability,
            ends_at=anyio.current_time() + config.step_seconds,
            grades_until=anyio.current_time() + config.step_seconds + config.grading_seconds,
        )


@functools.lru_cache(maxsize=4096)
def _task(folder: str, digest: str) -> TaskSpec:
    task = load_task(Path(folder))
    if task.digest != digest:
        _log.warning("a task changed since the dataset was loaded", task=task.id, folder=folder)
    return task


def _samples_taken(run: RunDirectory) -> Counter[str]:
    """By folder of `episodes/`, one more than the highest sample number that a log has, finished or not."""
    taken: Counter[str] = Counter()
    for log in run.logs():
        number = log.name.partition(".")[0]
        if number.isdecimal():
            taken[log.parent.name] = max(taken[log.parent.name], int(number) + 1)
    return taken


_services: dict[str, Service] = {}
_one_at_a_time = threading.Lock()


def service_for(config: ArenoConfig) -> Service:
    """The process's service of a run directory; made at the first call. Raises what `Service` raises."""
    with _one_at_a_time:
        if config.run_dir not in _services:
            _services[config.run_dir] = Service(config)
        return _services[config.run_dir]


def forget_services() -> None:
    """Close all of them."""
    for service in _services.values():
        service.close()
    _services.clear()


def _disown_all() -> None:
    try:
        for service in _services.values():
            service.disown()
        _services.clear()
    finally:
        _one_at_a_time.release()


os.register_at_fork(before=_one_at_a_time.acquire, after_in_parent=_one_at_a_time.release, after_in_child=_disown_all)
