from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import attrs
import pytest

from coding_agent.errors import SandboxDied
from coding_agent.policies.base import Policy
from coding_agent.policies.repair import RepairPolicy
from coding_agent.rollout.scheduler import Job, episode_seed
from coding_agent.rollout.start import task_limits
from coding_agent.sandbox.base import ExecResult, Sandbox, SandboxSpec
from coding_agent.sandbox.bubblewrap import BubblewrapBackend
from coding_agent.store.reader import verify
from coding_agent.store.rundir import RunDirectory
from coding_agent.tasks.load import find_tasks
from tests.rollout.worlds import SOLVE, SUBMIT, job, roll_out, script

TASKS = find_tasks([Path(__file__).parents[2] / "tasks"])
NOISY = script(
    ("run_tests", "{}"), ("run_command", '{"command": "ls -a; python3 -c \'print(hash(1.5), {\\"a\\", \\"b\\"})\'"}'),
    ("nonsense", "{"), SUBMIT,
)  # fmt: skip


@attrs.frozen
class Mortal(BubblewrapBackend):
    """Real sandboxes, each of which dies at the first command that says `die NAME`, once per name."""

    dead: set[str] = attrs.field(factory=set)

    @asynccontextmanager
    async def open(self, spec: SandboxSpec) -> AsyncIterator[Sandbox]:
        async with BubblewrapBackend.open(self, spec) as sandbox:
            run = sandbox.exec

            async def execute(argv: Sequence[str], *, timeout_s: float, output_bytes: int) -> ExecResult:
                name = argv[-1].partition("die ")[2]
                if name and name not in self.dead:
                    self.dead.add(name)
                    raise SandboxDied(name)
                return await run(argv, timeout_s=timeout_s, output_bytes=output_bytes)

            sandbox.exec = execute  # type: ignore[method-assign]
            yield sandbox


def all_jobs() -> list[Job]:
    """Every task with the repairer (cut short), with noise and failing tests, and with a sandbox that dies once."""
    jobs = []
    for task in TASKS:
        mortal = script(("run_command", f'{{"command": "true die {task.id}"}}'), SUBMIT)
        policies: list[Policy] = [RepairPolicy(), NOISY, mortal]
        for n, policy in enumerate(policies):
            limits = task_limits(task, max_turns=9)
            jobs.append(Job(task=task, policy=policy, sample=n, limits=limits, seed=episode_seed(5, task.id, n)))
    return jobs


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_the_same_seed_gives_the_same_digests_at_any_concurrency(tmp_path: Path) -> None:
    digests = []
    for concurrency in (1, 16):
        folder = tmp_path / str(concurrency)
        outcomes = await roll_out(folder, all_jobs(), backend=Mortal(), concurrency=concurrency, retries=1)
        assert sum(outcome.attempt for outcome in outcomes) == len(TASKS)
        logs = {path.relative_to(folder): verify(path) for path in RunDirectory(folder).logs()}
        digests.append({path: (report.condition, report.semantic_digest) for path, report in logs.items()})
    assert digests[0] == digests[1]


async def test_every_finished_episode_is_in_the_manifest(tmp_path: Path) -> None:
    await roll_out(tmp_path / "run", [job(SOLVE, sample=n) for n in range(3)])
    run = RunDirectory(tmp_path / "run")
    assert [report.condition for report in run.verify()] == ["sealed"] * 3


def test_seeds_differ_by_task_sample_and_run() -> None:
    seeds = {episode_seed(run, task, sample) for run in (0, 1) for task in ("a", "b") for sample in (0, 1)}
    assert len(seeds) == 8
    assert max(seeds) < 2**53
