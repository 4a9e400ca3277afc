"""`coding-agent score`."""

from __future__ import annotations

import importlib.util
import inspect
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from coding_agent.cli import exits
from coding_agent.cli.logs import Loaded, left_out, load_final
from coding_agent.cli.output import out, print_json
from coding_agent.errors import StoreError, UsageError
from coding_agent.events.schema import Event
from coding_agent.projections.reward import Reward, parts, reward

RewardFunction = Callable[[Sequence[Event]], Reward | float | None]


@click.command(epilog=exits.HELP)
@click.argument("directory", type=click.Path(exists=True, path_type=Path))
@click.option(
    "--reward", "source", metavar="FILE[:FN]", help="A Python file with a function of the events (default `reward`)."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def command(directory: Path, source: str | None, as_json: bool) -> int:
    """Compute rewards from logs. Nothing is run: what a reward needs was recorded with the episode.

    A reward function takes the tuple of events and returns a number, None (masked) or a Reward.

    Example: coding-agent score runs/my-run --reward examples/my_reward.py:shorter_is_better
    """
    function = None if source is None else load_reward(source)
    warnings: list[StoreError] = []
    rows = [_row(loaded, function) for loaded in load_final(directory, warn=warnings.append)]
    values = [row["value"] for row in rows if row["value"] is not None]
    mean = sum(values) / len(values) if values else None
    if as_json:
        print_json(
            {
                "mean": mean,
                "masked": len(rows) - len(values),
                "episodes": rows,
                "unreadable": [str(warning) for warning in warnings],
            }
        )
    else:
        _show(rows, mean)
    return left_out(warnings)


def load_reward(source: str) -> RewardFunction:
    """The function that `FILE[:FN]` names. Raises UsageError saying what is wrong with it."""
    file, _, name = source.partition(":")
    name = name or "reward"
    spec = importlib.util.spec_from_file_location("coding_agent_user_reward", file)
    if not Path(file).is_file() or spec is None or spec.loader is None:
        raise UsageError(f"--reward {source}: {file} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise UsageError(f"--reward {source}: {file} failed to load: {type(error).__name__}: {error}") from error
    function = getattr(module, name, None)
    if not callable(function):
        known = [key for key, value in vars(module).items() if inspect.isfunction(value)]
        raise UsageError(f"--reward {source}: no function {name!r} in {file}; it has: {', '.join(known) or 'none'}")
    result: RewardFunction = function
    return result


def _row(loaded: Loaded, function: RewardFunction | None) -> dict[str, Any]:
    header = loaded.header
    worth = reward(loaded.events, loaded.read_blob) if function is None else _custom(loaded, function)
    return {
        "file": str(loaded.path),
        "task": header.task,
        "sample": header.sample,
        "value": worth.value,
        "parts": worth.parts,
        "explanation": worth.explanation,
    }


def _custom(loaded: Loaded, function: RewardFunction) -> Reward:
    try:
        worth = function(loaded.events)
    except Exception as error:
        message = f"the reward function raised {type(error).__name__} on {loaded.path}: {error}"
        raise UsageError(message) from error
    if isinstance(worth, Reward):
        return worth
    if worth is not None and not _is_number(worth):
        raise UsageError(f"the reward function returned {worth!r} on {loaded.path}; expected a finite number or None")
    measured = parts(loaded.events, loaded.read_blob)
    name = getattr(function, "__name__", "reward")
    return Reward(value=None if worth is None else float(worth), parts=measured, explanation=f"by {name}")


def _is_number(worth: object) -> bool:
    return isinstance(worth, int | float) and not isinstance(worth, bool) and math.isfinite(worth)


def _show(rows: list[dict[str, Any]], mean: float | None) -> None:
    table = Table(box=None)
    for column in ("task", "sample", "reward", "why"):
        table.add_column(column)
    for row in rows:
        value = "masked" if row["value"] is None else f"{row['value']:g}"
        table.add_row(row["task"], str(row["sample"]), value, row["explanation"])
    out.print(table)
    out.print("mean: " + ("-" if mean is None else f"{mean:.4f}"))
