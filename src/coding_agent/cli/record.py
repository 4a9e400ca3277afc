"""`coding-agent record`."""

from __future__ import annotations

from pathlib import Path

import click

from coding_agent.cli import exits
from coding_agent.cli.output import out, print_json
from coding_agent.errors import UsageError
from coding_agent.replay.expected import expected_file
from coding_agent.replay.golden import record, recordable


@click.command(epilog=exits.HELP)
@click.argument(
    "logs", nargs=-1, required=True, type=click.Path(exists=True, readable=False, dir_okay=False, path_type=Path)
)
@click.option("--to", "folder", default="replays", show_default=True, type=click.Path(file_okay=False, path_type=Path))
@click.option("--name", help="Of the golden episode; by default task-sample-attempt. Only with one log.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def command(logs: tuple[Path, ...], folder: Path, name: str | None, as_json: bool) -> int:
    """Keep finished episodes as regression tests: the log, what it needs, and what every projection makes of it.

    The log is copied byte for byte. `pytest --coding-agent-replays FOLDER` then verifies, replays and projects it each
    time. An episode that is not finished, not intact or not derived by today's code is refused.

    Example: coding-agent record runs/my-run/episodes/interval-gap/0.0.jsonl --name a-good-one
    """
    if name is not None and len(logs) > 1:
        raise UsageError("--name names one log; leave it out to record several")
    names = [name or _name(log) for log in logs]
    if twice := {each for each in names if names.count(each) > 1}:
        raise UsageError(f"{len(logs)} logs, and several would be {min(twice)}; record them one by one, with --name")
    for log, each in zip(logs, names, strict=True):
        recordable(log, folder, each)
    made = [record(log, folder, each) for log, each in zip(logs, names, strict=True)]
    if as_json:
        print_json([{"log": log, "expected": expected_file(log)} for log in made])
    else:
        for log in made:
            out.print(f"{log} and {expected_file(log).name}", markup=False)
    return exits.OK


def _name(log: Path) -> str:
    stem = log.name.removesuffix(".jsonl").replace(".", "-")
    return f"{log.parent.name}-{stem}" if log.parent.parent.name == "episodes" else stem
