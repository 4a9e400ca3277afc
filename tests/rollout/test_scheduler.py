from __future__ import annotations

from pathlib import Path

from coding_agent.rollout.scheduler import episode_seed
from coding_agent.store.rundir import RunDirectory
from tests.rollout.worlds import SOLVE, job, roll_out


async def test_every_finished_episode_is_in_the_manifest(tmp_path: Path) -> None:
    await roll_out(tmp_path / "run", [job(SOLVE, sample=n) for n in range(3)])
    run = RunDirectory(tmp_path / "run")
    assert [report.condition for report in run.verify()] == ["sealed"] * 3


def test_seeds_differ_by_task_sample_and_run() -> None:
    seeds = {episode_seed(run, task, sample) for run in (0, 1) for task in ("a", "b") for sample in (0, 1)}
    assert len(seeds) == 8
    assert max(seeds) < 2**53
