"""A task and a world to roll it out in, with a real sandbox."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import attrs

from coding_agent.errors import SandboxDied
from coding_agent.events.values import Limits
from coding_agent.policies.base import Policy, PolicyReply, RawCall
from coding_agent.policies.scripted import ScriptedPolicy
from coding_agent.projections.reward import Reward, reward
from coding_agent.rollout.scheduler import Job, Outcome, Scheduler, episode_seed
from coding_agent.rollout.start import start_episode, task_limits
from coding_agent.rollout.world import Lanes, Observer, World, ignore
from coding_agent.sandbox.base import Sandbox, SandboxBackend, SandboxSpec
from coding_agent.sandbox.local import LocalBackend
from coding_agent.sandbox.registry import make_backend
from coding_agent.store.reader import read_events
from coding_agent.store.rundir import RunDirectory, blobs_of
from coding_agent.tasks.spec import TaskFile, TaskLimits, TaskSpec

FIXED = "def double(x):\n    return 2 * x\n"
TASK = TaskSpec(
    id="toy",
    title="double adds",
    statement="double(3) must be 6.",
    difficulty=1,
    kind="bug",
    tags=(),
    licence="Apache-2.0",
    test_command=("python", "-m", "pytest", "-q"),
    fail_to_pass=("tests/test_double.py::test_three", "tests/test_hidden.py::test_five"),
    pass_to_pass=("tests/test_double.py::test_two",),
    limits=TaskLimits(turns=10, seconds=600.0, command_s=100.0, test_s=200.0),
    allowed=("**",),
    protected=("tests/**",),
    files={
        "double.py": TaskFile(data=b"def double(x):\n    return 2 + x\n"),
        "tests/test_double.py": TaskFile(
            data=b"from double import double\n\ndef test_two():\n    assert double(2) == 4\n\n"
            b"def test_three():\n    assert double(3) == 6\n"
        ),
    },
    hidden={
        "tests/test_hidden.py": TaskFile(
            data=b"from double import double\n\ndef test_five():\n    assert double(5) == 10\n"
        )
    },
    gold_patch="",
)


def script(*calls: tuple[str, str], content: str | None = "Next.") -> ScriptedPolicy:
    """A policy that makes these (tool, raw arguments) calls, one a turn."""
    replies = tuple(
        PolicyReply(content=content, calls=(RawCall(id=f"c{n}", name=name, arguments=raw),))
        for n, (name, raw) in enumerate(calls)
    )
    return ScriptedPolicy(replies, "scripted:test")


SUBMIT = ("submit", '{"status": "solved", "summary": "done"}')
FIX = ("replace_text", '{"path": "double.py", "old": "2 + x", "new": "2 * x"}')
SOLVE = script(("run_tests", "{}"), FIX, ("run_tests", "{}"), SUBMIT)


def job(policy: Policy, *, task: TaskSpec = TASK, sample: int = 0, limits: Limits | None = None) -> Job:
    chosen = limits or task_limits(task)
    return Job(task=task, policy=policy, sample=sample, limits=chosen, seed=episode_seed(0, task.id, sample))


async def roll_out(
    folder: Path, jobs: list[Job], *, kind: str = "local", concurrency: int = 2, backend: SandboxBackend | None = None,
    retries: int = 0, observer: Observer = ignore, toolset: str = "default",
) -> list[Outcome]:  # fmt: skip
    """Roll the jobs out in a new run directory."""
    run = RunDirectory.create(folder, {})
    return await play_jobs(
        run, jobs, kind=kind, concurrency=concurrency, backend=backend, retries=retries, observer=observer,
        toolset=toolset,
    )  # fmt: skip


async def play_jobs(
    run: RunDirectory, jobs: list[Job], *, kind: str = "local", concurrency: int = 2,
    backend: SandboxBackend | None = None, retries: int = 0, observer: Observer = ignore, toolset: str = "default",
) -> list[Outcome]:  # fmt: skip
    """Play the jobs in a run directory that is there already."""
    chosen = backend or make_backend(kind)
    lanes = Lanes.of(models=concurrency, sandboxes=concurrency, graders=concurrency)
    world = World(backend=chosen, spec=SandboxSpec(), run=run, lanes=lanes, durability="group", observer=observer)
    start = functools.partial(start_episode, backend=chosen, toolset=toolset)
    manifest = run.manifest()
    try:
        return await Scheduler(world=world, start=start, concurrency=concurrency, retries=retries).run(jobs, manifest)
    finally:
        manifest.close()


def worth(log: Path) -> Reward:
    return reward(read_events(log), blobs_of(log).get)


@attrs.frozen
class Dying(LocalBackend):
    """A local sandbox whose runtime hangs up before the first test run."""

    @asynccontextmanager
    async def open(self, spec: SandboxSpec) -> AsyncIterator[Sandbox]:
        async with LocalBackend.open(self, spec) as sandbox:

            async def test(*_: object, **__: object) -> None:
                raise SandboxDied("the runtime hung up")

            sandbox.test = test  # type: ignore[method-assign,assignment]
            yield sandbox
