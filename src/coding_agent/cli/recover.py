"""`coding-agent recover`."""

from __future__ import annotations

from pathlib import Path

import click

from coding_agent.cli import exits
from coding_agent.cli.output import out, print_json
from coding_agent.store.recover import recover


@click.command(epilog=exits.HELP)
@click.argument("log", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def command(log: Path, as_json: bool) -> int:
    """Cut the torn tail of a log and keep the original beside it. Damage is refused, never touched.

    Example: coding-agent recover runs/my-run/episodes/wallet/0.0.jsonl
    """
    done = recover(log)
    if as_json:
        print_json(done)
    elif done.original is None:
        out.print(f"{log}: nothing to recover, it is {done.report.condition}", markup=False)
    else:
        kept = f"{done.report.events} events kept, {done.cut_bytes} bytes cut"
        out.print(f"{log}: {kept}; the original is {done.original}", markup=False)
    return exits.OK
