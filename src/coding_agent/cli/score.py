"""`coding-agent score`."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import click
from rich.table import Table

from coding_agent.cli import exits
from coding_agent.cli.logs import Loaded, left_out, load_final
from coding_agent.cli.output import err, out, print_json, users_code
from coding_agent.cli.run_reward import check_reward, score_of
from coding_agent.errors import StoreError
from coding_agent.evaluation.reward_file import custom_reward, load_reward
from coding_agent.evaluation.step_logs import Score
from coding_agent.projections.reward import Reward


@click.command(epilog=exits.HELP)
@click.argument("directory", type=click.Path(exists=True, readable=False, path_type=Path))
@click.option(
    "--reward",
    "source",
    metavar="FILE[:FN]",
    help="A Python file with a function of the events (FN: reward). Without it a training run's own, else the default.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def command(directory: Path, source: str | None, as_json: bool) -> int:
    """Compute rewards from logs. Nothing is run: what a reward needs was recorded with the episode.

    A reward function takes the tuple of events and returns a number, None (masked) or a Reward. Where it fails the
    episode is masked, as in training, and the exit code is 1.

    Example: coding-agent score runs/my-run --reward examples/my_reward.py:shorter_is_better
    """
    warnings: list[StoreError] = []
    rows, failed = [], []
    with users_code():
        score = _score(directory, source)
        for loaded in load_final(directory, warn=warnings.append):
            worth = score(loaded.events, loaded.read_blob)
            rows.append(_row(loaded, worth))
            failed += [f"{loaded.path}: {worth.explanation}"] if worth.failed else []
    for problem in failed:
        err.print(problem, markup=False)
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
    return exits.worst([left_out(warnings), exits.DIFFERENT if failed else exits.OK])


def _score(directory: Path, source: str | None) -> Score:
    if source is not None:
        return functools.partial(custom_reward, load_reward(source))
    check_reward(directory)
    return score_of(directory)


def _row(loaded: Loaded, worth: Reward) -> dict[str, Any]:
    header = loaded.header
    return {
        "file": str(loaded.path),
        "task": header.task,
        "sample": header.sample,
        "value": worth.value,
        "parts": worth.parts,
        "explanation": worth.explanation,
    }


def _show(rows: list[dict[str, Any]], mean: float | None) -> None:
    table = Table(box=None)
    for column in ("task", "sample", "reward", "why"):
        table.add_column(column)
    for row in rows:
        value = "masked" if row["value"] is None else f"{row['value']:g}"
        table.add_row(row["task"], str(row["sample"]), value, row["explanation"])
    out.print(table)
    out.print("mean: " + ("-" if mean is None else f"{mean:.4f}"))
