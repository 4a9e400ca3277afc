"""`coding-agent stats`."""

from __future__ import annotations

from pathlib import Path

import click
from rich.table import Table

from coding_agent.cli import exits
from coding_agent.cli.logs import left_out, load_final, log_files
from coding_agent.cli.output import err, out, print_json, users_code, wide
from coding_agent.cli.run_reward import check_reward, score_of
from coding_agent.cli.step_tables import step_tables
from coding_agent.errors import StoreError, UsageError
from coding_agent.evaluation.step_logs import attempts
from coding_agent.projections.metrics import RunMetrics, episode_metrics, run_metrics
from coding_agent.projections.steps import by_step as steps_of


@click.command(epilog=exits.HELP)
@click.argument("directory", type=click.Path(exists=True, readable=False, path_type=Path))
@click.option("--by-step", is_flag=True, help="A training run step by step: groups, latencies, drift, reward parts.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def command(directory: Path, by_step: bool, as_json: bool) -> int:
    """Sum up a run from its logs alone: outcomes, reasons, tools, tokens. Earlier attempts of a sample do not count.

    Example: coding-agent stats runs/my-run --json
    """
    warnings: list[StoreError] = []
    if by_step:
        return _show_steps(directory, warnings, as_json=as_json)
    episodes = [episode_metrics(loaded.events) for loaded in load_final(directory, warn=warnings.append)]
    total = run_metrics(episodes)
    if as_json:
        print_json({"run": total, "episodes": episodes, "unreadable": [str(warning) for warning in warnings]})
    else:
        show(total)
    return left_out(warnings)


def _show_steps(directory: Path, warnings: list[StoreError], *, as_json: bool) -> int:
    is_run = (directory / "run.toml").is_file()
    missing = None
    with users_code():
        try:
            check_reward(directory)
        except UsageError as error:
            missing = f"{error}; without it every episode counts as masked, and rewards and zero variance say nothing"
        found = attempts(log_files(directory), of_one_run=is_run, warn=warnings.append, score=score_of(directory))
    for problem in found.unscored if missing is None else [missing]:
        err.print(problem, markup=False)
    steps = steps_of(found.final, found.superseded)
    if as_json:
        print_json({"steps": steps, "unreadable": [str(warning) for warning in warnings]})
    else:
        for table in step_tables(steps):
            wide.print(table)
            wide.print()
    return exits.worst([left_out(warnings), exits.OK if missing is None else exits.DIFFERENT])


def show(total: RunMetrics) -> None:
    """The run for people."""
    table = Table(box=None, show_header=False)
    rate = "-" if total.pass_rate is None else f"{total.pass_rate:.1%}"
    rows = {
        "episodes": str(total.episodes),
        "passed": f"{total.passed} of {total.graded} graded ({rate})",
        "ended by": _counts(total.reasons),
        "tools": _counts(total.tools),
        "tool outcomes": _counts(total.outcomes),
        "turns": f"{total.turns_mean:.1f} mean, {total.turns_median:g} median",
        "tokens": f"{total.prompt_tokens} prompt, {total.completion_tokens} completion",
        "retries on the wire": str(total.retries),
        "tampering": str(total.tampering),
    }
    for name, value in rows.items():
        table.add_row(name, value)
    out.print(table)


def _counts(counts: dict[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in counts.items()) or "-"
