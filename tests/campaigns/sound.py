"""Our own tasks are sound: each fails as it is and with an empty patch, and passes with its own, the same each time."""

from __future__ import annotations

from pathlib import Path

import anyio

from coding_agent.evaluation.validity import TRIES, Validity, validate_task
from coding_agent.sandbox.bubblewrap import BubblewrapBackend
from coding_agent.tasks.load import find_tasks
from coding_agent.tasks.spec import TaskSpec
from tests.campaigns import Cases, Size, campaign

TASKS = find_tasks([Path(__file__).parents[2] / "tasks"])
EARNED = {"untouched": 0.0, "empty": 0.0, "gold": 1.0}


@campaign("Every task earns 0 untouched and after an empty patch, and 1 with its gold patch, each time", in_suite=False)
def every_task(size: Size, folder: Path) -> Cases:
    """Short: each task once."""
    found: list[Validity] = anyio.run(_validated, TASKS, TRIES if size == "long" else 1)
    for each in found:
        problems = each.problems or (() if each.earned == EARNED else (f"earned {each.earned}",))
        yield f"{each.id}: {'; '.join(problems)}" if problems else None


async def _validated(tasks: list[TaskSpec], tries: int) -> list[Validity]:
    return [await validate_task(task, BubblewrapBackend(), tries=tries) for task in tasks]
