from __future__ import annotations

from pathlib import Path

import pytest

from coding_agent.policies.base import Policy
from coding_agent.policies.repair import RepairPolicy
from coding_agent.rollout.scheduler import Job, episode_seed
from coding_agent.rollout.start import task_limits
from coding_agent.store.rundir import RunDirectory
from coding_agent.tasks.load import find_tasks
from tests.rollout.worlds import SOLVE, SUBMIT, job, roll_out, script

TASKS = find_tasks([Path(__file__).parents[2] / "tasks"])
NOISY = script(
    ("run_tests", "{}"), ("run_command", '{"command": "ls -a; python3 -c \'print(hash(1.5), {\\"a\\", \\"b\\"})\'"}'),
    ("nonsense", "{"), SUBMIT,
)  # fmt: skip


def all_jobs() -> list[Job]:
    policies: list[Policy] = [RepairPolicy(), NOISY]
    return [
        Job(
            task=task, policy=policy, sample=n, limits=task_limits(task, max_turns=16), seed=episode_seed(5, task.id, n)
        )
        for task in TASKS
        for n, policy in enumerate(policies)
    ]


@pytest.mark.parametrize("anyio_backend", ["asyncio"])
async def test_the_same_seed_gives_the_same_digests_at_any_concurrency(tmp_path: Path) -> None:
    digests = []
    for concurrency in (1, 16):
        outcomes = await roll_out(tmp_path / str(concurrency), all_jobs(), kind="bubblewrap", concurrency=concurrency)
        digests.append({(o.task, o.sample): (o.reason, o.semantic_digest) for o in outcomes})
    assert digests[0] == digests[1]


async def test_every_finished_episode_is_in_the_manifest(tmp_path: Path) -> None:
    await roll_out(tmp_path / "run", [job(SOLVE, sample=n) for n in range(3)])
    run = RunDirectory(tmp_path / "run")
    assert [report.condition for report in run.verify()] == ["sealed"] * 3


def test_seeds_differ_by_task_sample_and_run() -> None:
    seeds = {episode_seed(run, task, sample) for run in (0, 1) for task in ("a", "b") for sample in (0, 1)}
    assert len(seeds) == 8
    assert max(seeds) < 2**53
