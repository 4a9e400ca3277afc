"""Tasks as the records of an AReno dataset, in the order in which they are to be trained on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio

from coding_agent.areno.config import ArenoConfig, load_config
from coding_agent.areno.verdict import KEY
from coding_agent.sandbox.base import SandboxSpec
from coding_agent.sandbox.registry import make_backend
from coding_agent.tasks.load import find_tasks
from coding_agent.tasks.spec import TaskSpec


def load_records(place: str) -> list[dict[str, Any]]:
    """One record per task. `place`: a folder of tasks, or a TOML file with the options of `ArenoConfig`.

    AReno loads the dataset before the model: what would stop the rollouts is found here. Raises UsageError, TaskError,
    SandboxUnavailable.
    """
    config = load_config(place)
    tasks = find_tasks(config.tasks)
    anyio.run(_open_once, config)
    folders = task_folders(config)
    return [
        record(task, folders[task.id], config) for task in sorted(tasks, key=lambda task: (task.difficulty, task.id))
    ]


def record(task: TaskSpec, folder: Path, config: ArenoConfig) -> dict[str, Any]:
    """AReno shows `prompt` and skips what is longer than its prompt limit; what the model is shown is in the log."""
    ours = {"task": task.id, "folder": str(folder), "digest": task.digest, "config": config.to_json()}
    return {"prompt": f"{task.title}\n\n{task.statement.strip()}", KEY: ours}


def task_folders(config: ArenoConfig) -> dict[str, Path]:
    """By task id, which is its folder's name."""
    places = map(Path, config.tasks)
    found = (place for each in places for place in ([each] if (each / "task.toml").is_file() else each.iterdir()))
    return {folder.name: folder.resolve() for folder in found if (folder / "task.toml").is_file()}


async def _open_once(config: ArenoConfig) -> None:
    async with make_backend(config.sandbox).open(SandboxSpec()):
        pass
