"""Tasks as the records of an AReno dataset, in the order in which they are to be trained on."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import anyio
import structlog

from coding_agent.areno.command_line import told
from coding_agent.areno.config import ArenoConfig, load_config
from coding_agent.areno.curriculum import arrange
from coding_agent.areno.epochs import Epochs, Record
from coding_agent.areno.logs import log_to_stderr
from coding_agent.areno.success import Logbook
from coding_agent.areno.training_run import open_run
from coding_agent.areno.verdict import KEY
from coding_agent.errors import UsageError
from coding_agent.evaluation.reward_file import load_reward
from coding_agent.projections.reward import LARGEST, parts
from coding_agent.sandbox.base import SandboxSpec
from coding_agent.sandbox.registry import make_backend
from coding_agent.tasks.load import find_tasks
from coding_agent.tasks.spec import TaskSpec
from coding_agent.tools.dispatch import tool_schemas

_log = structlog.get_logger("coding_agent.areno")


def load_records(place: str) -> Sequence[Record]:
    """One record per task, adaptive ones anew for each epoch. `place`: tasks, or a TOML file with options.

    AReno loads the dataset before the model: what would stop the rollouts is found here. Raises UsageError, TaskError,
    SandboxUnavailable.
    """
    log_to_stderr()
    config = load_config(place)
    tasks = find_tasks(config.tasks)
    check_options(config)
    anyio.run(_open_once, config)
    folders, logbook = task_folders(config), Logbook()

    def arranged() -> list[Record]:
        return [record(task, folders[task.id], config) for task in chosen_tasks(tasks, config, logbook)]

    return Epochs(arranged) if config.curriculum.order == "adaptive" else arranged()


def check_options(config: ArenoConfig) -> None:
    """What only shows when it is used, tried before it costs anything. Raises UsageError, LogLocked, StoreError."""
    if (told("--algo") or "").strip().lower() == "ppo":  # as AReno reads it
        raise UsageError(
            "--algo ppo: expected gspo or grpo. A sample that stands in where nothing can be learnt is held to have no "
            "advantage, being alone in its group; PPO would learn from its reward, and value it"
        )
    tool_schemas(config.toolset)
    if config.reward is not None:
        load_reward(config.reward, option="reward")
    known = parts((), _no_blob)
    for name, weight in config.weights.items():
        if name not in known or not abs(weight) <= LARGEST:
            expected = f"numbers of at most {LARGEST:g} either way for {', '.join(known)}"
            raise UsageError(f"weights: expected {expected}, found {name} = {weight}")
    open_run(config).manifest().close()


def _no_blob(name: str) -> bytes:
    raise KeyError(name)


def chosen_tasks(tasks: Sequence[TaskSpec], config: ArenoConfig, logbook: Logbook) -> tuple[TaskSpec, ...]:
    """The tasks to train on, in order, as the curriculum says with the logs as they are now. Raises UsageError."""
    curriculum, runs, own = config.curriculum, [], Path(config.run_dir)
    if curriculum.order == "adaptive":
        runs = [*map(Path, curriculum.logs), *([own] if (own / "run.toml").is_file() else [])]
    tallies = logbook.tallies(dict.fromkeys(run.resolve() for run in runs), window=curriculum.window)
    chosen = arrange(tasks, tallies, curriculum, seed=config.seed)
    _log.info("curriculum", order=curriculum.order, tasks=len(tasks), chosen=len(chosen), known=len(tallies))
    return chosen


def record(task: TaskSpec, folder: Path, config: ArenoConfig) -> Record:
    """AReno shows `prompt` and skips what is longer than its prompt limit; what the model is shown is in the log."""
    ours = {"task": task.id, "folder": str(folder), "digest": task.digest, "config": config.to_json()}
    return {"prompt": f"{task.title}\n\n{task.statement.strip()}", KEY: ours}


def task_folders(config: ArenoConfig) -> dict[str, Path]:
    """By task id, which is the name of its folder, whatever a link to it is called."""
    places = map(Path, config.tasks)
    found = (place for each in places for place in ([each] if (each / "task.toml").is_file() else each.iterdir()))
    folders = (folder.resolve() for folder in found if (folder / "task.toml").is_file())
    return {folder.name: folder for folder in folders}


async def _open_once(config: ArenoConfig) -> None:
    hide = map(Path, (config.run_dir, *config.tasks))
    async with make_backend(config.sandbox, hide=hide).open(SandboxSpec()):
        pass
