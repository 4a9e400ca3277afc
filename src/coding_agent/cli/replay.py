"""`coding-agent replay`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from coding_agent.cli import exits
from coding_agent.cli.logs import log_files
from coding_agent.cli.output import print_json
from coding_agent.cli.replay_report import show as show_results
from coding_agent.cli.replay_report import summary_of
from coding_agent.cli.sandboxes import sandbox_option
from coding_agent.replay.report import report_of

CODES = {
    "identical": exits.OK,
    "diverged": exits.DIFFERENT,
    "torn": exits.DAMAGED,
    "damaged": exits.DAMAGED,
    "unreadable": exits.REFUSED,
    "missing": exits.DAMAGED,
    "incompatible": exits.INCOMPATIBLE,
}


@click.command(epilog=exits.HELP)
@click.argument("logs", nargs=-1, required=True, type=click.Path(exists=True, readable=False, path_type=Path))
@click.option("--execute", is_flag=True, help="Run every recorded call and test again, in a fresh sandbox.")
@click.option("--tasks", default="tasks", show_default=True, help="With --execute: where the tasks are.")
@sandbox_option(default="bubblewrap", show_default=True, help="With --execute.")
@click.option("--keep-going", is_flag=True, help="With --execute: do not stop at a log's first difference.")
@click.option("--concurrency", "-n", default=os.cpu_count() or 2, type=click.IntRange(1), help="With --execute.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def command(logs: tuple[Path, ...], execute: bool, as_json: bool, **executing: Any) -> int:
    """Re-derive recorded episodes with today's code and compare every event.

    LOGS are logs, run directories or folders of logs. Needs nothing but the files: no model, sandbox, network or
    tasks. The worst outcome decides the exit code. Divergences are grouped by cause.

    With --execute it is not the code that is tried but the world: each recorded call and test run is executed again,
    and what comes of it compared, but for durations, addresses, times and temporary names. No policy is asked.

    Example: coding-agent replay replays/ep123.jsonl
    """
    files = [file for path in logs for file in log_files(path)]
    if execute:
        from coding_agent.cli.execute import execute_logs  # noqa: PLC0415  sealed replay knows no sandbox

        return execute_logs(files, as_json=as_json, **executing)
    results = [report_of(path) for path in files]
    if as_json:
        print_json({"summary": summary_of(results), "logs": results})
    else:
        show_results(results)
    return exits.worst(CODES[result.outcome] for result in results)
