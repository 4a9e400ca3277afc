"""`coding-agent replay`."""

from __future__ import annotations

from pathlib import Path

import attrs
import click

from coding_agent.cli import exits
from coding_agent.cli.output import out, print_json
from coding_agent.errors import LogIncompatible, StoreError
from coding_agent.replay.divergence import Divergence
from coding_agent.replay.sealed import replay_log


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
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def command(logs: tuple[Path, ...], as_json: bool) -> int:
    """Re-derive recorded episodes with today's code and compare every event.

    Needs nothing but the files: no model, sandbox, network or tasks. The worst outcome decides the exit code.

    Example: coding-agent replay replays/ep123.jsonl
    """
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
