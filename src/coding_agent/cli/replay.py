"""`coding-agent replay`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import attrs
import click

from coding_agent.cli import exits
from coding_agent.cli.logs import log_files
from coding_agent.cli.output import print_json
from coding_agent.cli.replay_report import Result, summary_of
from coding_agent.cli.replay_report import show as show_results
from coding_agent.errors import LogIncompatible, StoreError
from coding_agent.replay.contrast import contrast
from coding_agent.replay.effect import effect_of
from coding_agent.replay.origin import derived_by
from coding_agent.replay.sealed import Replay, replay_log
from coding_agent.rollout.start import harness
from coding_agent.sandbox.registry import KINDS
from coding_agent.store.reader import read_events
from coding_agent.store.rundir import blobs_of

CODES = {
    "identical": exits.OK,
    "diverged": exits.DIFFERENT,
    "damaged": exits.DAMAGED,
    "incompatible": exits.INCOMPATIBLE,
}


@click.command(epilog=exits.HELP)
@click.argument("logs", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--execute", is_flag=True, help="Run every recorded call and test again, in a fresh sandbox.")
@click.option("--tasks", default="tasks", show_default=True, help="With --execute: where the tasks are.")
@click.option("--sandbox", type=click.Choice(KINDS), default="bubblewrap", show_default=True, help="With --execute.")
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
    results = [replay_one(path) for path in files]
    if as_json:
        print_json({"summary": summary_of(results), "logs": results})
    else:
        show_results(results)
    return max(CODES[result.outcome] for result in results)


def replay_one(path: Path) -> Result:
    """Replay one file; what is wrong with it becomes part of the result."""
    try:
        replay = replay_log(path)
    except LogIncompatible as error:
        return Result(file=str(path), outcome="incompatible", problem=str(error))
    except StoreError as error:
        return Result(file=str(path), outcome="damaged", problem=str(error))
    result = Result(
        file=str(path),
        outcome="diverged" if replay.divergence else "identical",
        events=replay.events,
        identical=replay.identical,
        sealed=replay.sealed,
        semantic_digest=replay.semantic_digest,
        recorded_by=replay.header.harness if replay.header else None,
        replayed_by=harness(),
    )
    return result if replay.divergence is None else _explained(result, path, replay)


def _explained(result: Result, path: Path, replay: Replay) -> Result:
    found = replay.divergence
    assert found is not None
    first, last = _bytes_of(path, found.seq)
    return attrs.evolve(
        result,
        divergence=found,
        contrast=contrast(found.recorded, found.replayed),
        derived_by=derived_by(found),
        line=found.seq + 1,
        bytes=(first, last),
        echoes=replay.echoes,
        others=replay.others,
        effect=effect_of(found, replay.instead, read_events(path), blobs_of(path).get),
    )


def _bytes_of(path: Path, seq: int) -> tuple[int, int]:
    """Offsets of the first and the last byte of a line."""
    offset = 0
    with path.open("rb") as stream:
        for number, raw in enumerate(stream):
            if number == seq:
                return offset, offset + len(raw) - 1
            offset += len(raw)
    return offset, offset
