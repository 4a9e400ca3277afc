"""How well the repair policy does on public benchmarks, from rows in JSON Lines that are not part of this repository.

Usage: python benchmarks/repair_scores.py ROWS.jsonl [--visible] [--limit N] [--out DIR]

`--visible` lays the graded tests into the workspace, as the program repair literature does; without it the agent sees only
the code and the statement, and must make its own test from examples in the text.
"""

from __future__ import annotations

import argparse
import functools
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

import anyio
import structlog

from coding_agent.policies.repair import RepairPolicy
from coding_agent.rollout.scheduler import Job, Outcome, Scheduler, episode_seed
from coding_agent.rollout.start import start_episode, task_limits
from coding_agent.rollout.world import Lanes, World
from coding_agent.sandbox.base import SandboxSpec
from coding_agent.sandbox.registry import make_backend
from coding_agent.store.rundir import RunDirectory
from coding_agent.tasks.spec import TaskFile, TaskLimits, TaskSpec


def task_of(row: dict[str, Any], *, visible: bool) -> TaskSpec:
    """A row as a task. The instance's lists may be JSON in text."""

    def ids(key: str) -> tuple[str, ...]:
        value = row[key]
        return tuple(json.loads(value) if isinstance(value, str) else value)

    hidden = {path: TaskFile(data=text.encode()) for path, text in row["test_files"].items()}
    files = {path: TaskFile(data=text.encode()) for path, text in row["files"].items()}
    return TaskSpec(
        id=row["instance_id"],
        title=row["instance_id"],
        statement=row["problem_statement"],
        difficulty=1,
        kind="bug",
        tags=(),
        licence=row["license"],
        test_command=tuple(row["test_command"].split()),
        fail_to_pass=ids("FAIL_TO_PASS"),
        pass_to_pass=ids("PASS_TO_PASS"),
        # Turns decide; a busy machine must not.
        limits=TaskLimits(turns=40, seconds=3600.0, test_s=30.0),
        allowed=("**",),
        protected=tuple(hidden),
        files={**files, **hidden} if visible else files,
        hidden=hidden,
        gold_patch=row["patch"],
    )


async def scores(tasks: list[TaskSpec], folder: Path) -> list[Outcome]:
    """Roll all of them out, two at a time."""
    backend = make_backend("bubblewrap")
    run = RunDirectory.create(folder, {"benchmark": True})
    world = World(
        backend=backend,
        spec=SandboxSpec(),
        run=run,
        lanes=Lanes.of(models=2, sandboxes=2, graders=2),
        durability="none",
    )
    jobs = [
        Job(task=task, policy=RepairPolicy(), sample=0, limits=task_limits(task), seed=episode_seed(0, task.id, 0))
        for task in tasks
    ]
    manifest = run.manifest()
    try:
        start = functools.partial(start_episode, backend=backend)
        return await Scheduler(world=world, start=start, concurrency=2).run(jobs, manifest)
    finally:
        manifest.close()


def main() -> None:
    """Print one line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rows", type=Path)
    parser.add_argument("--visible", action="store_true")
    parser.add_argument("--limit", type=int)
    parser.add_argument("--out", type=Path)
    chosen = parser.parse_args()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    rows = [json.loads(line) for line in chosen.rows.read_text().splitlines()][: chosen.limit]
    tasks = [task_of(row, visible=chosen.visible) for row in rows]
    folder = chosen.out or Path(tempfile.mkdtemp()) / "run"
    outcomes = anyio.run(scores, tasks, folder)
    solved = sum(outcome.passed is True for outcome in outcomes)
    reasons = Counter(outcome.reason for outcome in outcomes)
    wrong = sum(outcome.reason == "submitted" and not outcome.passed for outcome in outcomes)
    print(json.dumps({
        "rows": chosen.rows.name, "visible": chosen.visible, "episodes": len(outcomes), "solved": solved,
        "submitted_but_wrong": wrong, "reasons": dict(reasons), "run": str(folder),
    }))  # fmt: skip


if __name__ == "__main__":
    main()
