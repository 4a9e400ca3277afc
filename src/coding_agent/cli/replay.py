"""`coding-agent replay`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import attrs
import click

from coding_agent.cli import exits
from coding_agent.cli.output import out, print_json
from coding_agent.errors import LogIncompatible, StoreError
from coding_agent.replay.divergence import Divergence
from coding_agent.replay.sealed import replay_log
from coding_agent.sandbox.registry import KINDS


@attrs.frozen(kw_only=True)
class Result:
    """One log's replay, as `--json` prints it."""

    file: str
    outcome: str
    """identical, diverged, damaged or incompatible."""
    events: int = 0
    sealed: bool = False
    semantic_digest: str | None = None
    divergence: Divergence | None = None
    problem: str | None = None


CODES = {
    "identical": exits.OK,
    "diverged": exits.DIFFERENT,
    "damaged": exits.DAMAGED,
    "incompatible": exits.INCOMPATIBLE,
}


@click.command(epilog=exits.HELP)
@click.argument("logs", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--execute", is_flag=True, help="Run every recorded call and test again, in a fresh sandbox.")
@click.option("--tasks", default="tasks", show_default=True, help="With --execute: where the tasks are.")
@click.option("--sandbox", type=click.Choice(KINDS), default="bubblewrap", show_default=True, help="With --execute.")
@click.option("--keep-going", is_flag=True, help="With --execute: do not stop at a log's first difference.")
@click.option("--concurrency", "-n", default=os.cpu_count() or 2, type=click.IntRange(1), help="With --execute.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def command(logs: tuple[Path, ...], execute: bool, as_json: bool, **executing: Any) -> int:
    """Re-derive recorded episodes with today's code and compare every event.

    Needs nothing but the files: no model, sandbox, network or tasks. The worst outcome decides the exit code.

    With --execute it is not the code that is tried but the world: each recorded call and test run is executed again,
    and what comes of it compared, but for durations, addresses, times and temporary names. No policy is asked.

    Example: coding-agent replay replays/ep123.jsonl
    """
    if execute:
        from coding_agent.cli.execute import execute_logs  # noqa: PLC0415  sealed replay knows no sandbox

        return execute_logs(logs, as_json=as_json, **executing)
    results = [replay_one(path) for path in logs]
    if as_json:
        print_json(results)
    else:
        for result in results:
            show(result)
    return max(CODES[result.outcome] for result in results)


def replay_one(path: Path) -> Result:
    """Replay one file; what is wrong with it becomes part of the result."""
    try:
        replay = replay_log(path)
    except LogIncompatible as error:
        return Result(file=str(path), outcome="incompatible", problem=str(error))
    except StoreError as error:
        return Result(file=str(path), outcome="damaged", problem=str(error))
    return Result(
        file=str(path),
        outcome="diverged" if replay.divergence else "identical",
        events=replay.events,
        sealed=replay.sealed,
        semantic_digest=replay.semantic_digest,
        divergence=replay.divergence,
    )


def show(result: Result) -> None:
    """One log's result for people."""
    colour = "green" if result.outcome == "identical" else "red"
    out.print(f"[{colour}]{result.outcome:<12}[/] ", end="")
    out.print(f"{result.file}  {result.events} events", markup=False, end="")
    out.print("" if result.sealed or result.outcome != "identical" else "  (not sealed: replayed as far as it goes)")
    if result.problem:
        out.print(f"  {result.problem}", markup=False)
    if result.divergence:
        found = result.divergence
        out.print(f"  event {found.seq} ({found.code}) {found.message}", markup=False)
