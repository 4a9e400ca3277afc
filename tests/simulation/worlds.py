"""Small tasks whose tests the simulated sandbox understands, and runs of many episodes of them on a virtual clock."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import anyio
import attrs
import structlog
import trio

from coding_agent.events.schema import EpisodeStarted
from coding_agent.events.values import Limits
from coding_agent.policies.base import Policy, PolicyReply, PolicyRequest
from coding_agent.policies.simulated import SimulatedModel
from coding_agent.rollout.scheduler import Job, Outcome, Scheduler, episode_seed
from coding_agent.rollout.start import start_episode
from coding_agent.rollout.world import Lanes, Observer, World, ignore
from coding_agent.sandbox.base import SandboxSpec
from coding_agent.sandbox.simulated import SimulatedBackend
from coding_agent.store.rundir import RunDirectory
from coding_agent.store.writer import Durability
from coding_agent.tasks.spec import TaskFile, TaskLimits, TaskSpec
from tests.simulation.clock import CancelAt, simulate

CHECK = 'def test_{name}():\n    assert {text!r} in open("{path}").read(), "{path}: not yet"\n'
PATIENT = Limits(turns=8, seconds=1e6, command_s=20.0, test_s=20.0)
"""Limits that no schedule can reach: only then does the clock decide nothing."""


def task(number: int) -> TaskSpec:
    """A task unlike every other, so that its sandboxes can be told from theirs."""
    double = f"def double(x):\n    # TODO {number}\n    return 2 + x\n"
    return TaskSpec(
        id=f"sim-{number}",
        title="double adds",
        statement=f"`double(3)` of double.py must be 6. ({number})",
        difficulty=1,
        kind="bug",
        tags=(),
        licence="Apache-2.0",
        test_command=("python", "-m", "pytest", "-q"),
        fail_to_pass=("tests/test_double.py::test_mended",),
        pass_to_pass=("tests/test_hidden.py::test_kept",),
        limits=TaskLimits(),
        allowed=("**",),
        protected=("tests/**",),
        files={
            "double.py": TaskFile(data=double.encode()),
            "README.md": TaskFile(data=b"See double.py.\n"),
            "tests/test_double.py": TaskFile(data=CHECK.format(name="mended", text="2 * x", path="double.py").encode()),
        },
        hidden={
            "tests/test_hidden.py": TaskFile(data=CHECK.format(name="kept", text="def", path="double.py").encode())
        },
        gold_patch="",
    )


@attrs.frozen
class Buggy:
    """A policy that is broken from its second turn on."""

    first: SimulatedModel = attrs.field(factory=SimulatedModel)
    spec: str = "buggy"
    privileged: bool = False

    async def act(self, request: PolicyRequest) -> PolicyReply:
        if request.turn == 2:
            raise ZeroDivisionError("a bug")
        return await self.first.act(request)


def jobs(count: int, policy: Policy, *, seed: int = 0, limits: Limits = PATIENT, samples: int = 1) -> list[Job]:
    """`count` tasks with `samples` episodes each."""
    return [
        Job(task=each, policy=policy, sample=n, limits=limits, seed=episode_seed(seed, each.id, n))
        for each in map(task, range(count))
        for n in range(samples)
    ]


@attrs.frozen(kw_only=True)
class Places:
    """How many of each may be at work at once."""

    episodes: int = 1
    models: int = 8
    sandboxes: int = 8
    graders: int = 8


@attrs.frozen(kw_only=True)
class Ran:
    """What was left when a run was over."""

    run: RunDirectory
    outcomes: list[Outcome]
    groups: list[tuple[str, int]]
    ended_at: float
    """Virtual seconds."""
    steps: int
    cancelled_at: float | None
    held: int
    """Places in any line, threads included, that were still taken."""
    begun_late: list[str]
    """Episodes that began when the run was cancelled already."""
    logged: list[structlog.typing.EventDict] = attrs.field(factory=list)
    """What people would have been told."""


def roll_out(
    place: Path | RunDirectory, todo: Sequence[Job], backend: SimulatedBackend, *, seed: int = 0, places: Places | None = None,
    retries: int = 0, cancel_at: int = 0, cancel_after_s: float = math.inf, durability: Durability = "none",
    observer: Observer = ignore, on_outcome: Callable[[Outcome], None] | None = None,
    ends_at: float | None = None, grades_until: float | None = None,
) -> Ran:  # fmt: skip
    """Play the jobs in a run directory, or in a new one, on the schedule of `seed`; cancelled at the `cancel_at`th step, or then."""
    run = place if isinstance(place, RunDirectory) else RunDirectory.create(place, {})
    room = places or Places()
    cancel = CancelAt(cancel_at)
    begun_late: list[str] = []

    def start(job: Job, attempt: int) -> EpisodeStarted:
        started = start_episode(job, attempt, backend=backend)
        if cancel.scope is not None and cancel.scope.cancel_called:
            begun_late.append(started.episode)
        return started

    async def main() -> Ran:
        lanes = Lanes.of(models=room.models, sandboxes=room.sandboxes, graders=room.graders)
        world = World(
            backend=backend, spec=SandboxSpec(), run=run, lanes=lanes, durability=durability, observer=observer,
            ends_at=ends_at, grades_until=grades_until,
        )  # fmt: skip
        groups: list[tuple[str, int]] = []
        scheduler = Scheduler(
            world=world, start=start, concurrency=room.episodes, retries=retries,
            on_group=lambda name, done: groups.append((name, len(done))), on_outcome=on_outcome,
        )  # fmt: skip
        await _until_cancelled(scheduler, todo, run, cancel, cancel_after_s)
        lines = (lanes.models, lanes.sandboxes, lanes.graders, anyio.to_thread.current_default_thread_limiter())
        return Ran(
            run=run, outcomes=scheduler.outcomes, groups=groups, ended_at=trio.current_time(), steps=cancel.steps,
            cancelled_at=cancel.cancelled_at, held=sum(line.borrowed_tokens for line in lines),
            begun_late=begun_late,
        )  # fmt: skip

    with structlog.testing.capture_logs() as logged:
        ran = simulate(seed, main, cancel)
    return attrs.evolve(ran, logged=logged)


async def _until_cancelled(
    scheduler: Scheduler, todo: Sequence[Job], run: RunDirectory, cancel: CancelAt, after_s: float
) -> None:
    manifest = run.manifest()
    try:
        with trio.CancelScope(deadline=after_s) as cancel.scope:
            await scheduler.run(todo, manifest)
        if cancel.scope.cancelled_caught and cancel.cancelled_at is None:
            cancel.cancelled_at = after_s
    finally:
        cancel.scope = None
        manifest.close()
