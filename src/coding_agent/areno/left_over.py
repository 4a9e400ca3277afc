"""Logs without an end, that no process writes any more, are given one, so that they say themselves what became of them.

A training run is not resumed as other runs are: its next step has other weights. An episode whose process was killed is
`cancelled`; one whose log could not be written for a while is a failure of the infrastructure.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import structlog

from coding_agent.errors import CodingAgentError
from coding_agent.events.schema import Done, Stopped
from coding_agent.rollout.decide import Append, decide
from coding_agent.rollout.state import EpisodeState, evolve, fold
from coding_agent.store.index import entry_of
from coding_agent.store.manifest import TakesEntries, read_manifest
from coding_agent.store.reader import read_events, verify
from coding_agent.store.recover import recover
from coding_agent.store.rundir import RunDirectory
from coding_agent.store.writer import LogWriter

_log = structlog.get_logger("coding_agent.areno")
Cause = Literal["cancelled", "infra_error"]
KILLED = "the process that played it had ended"


def left_over(run: RunDirectory) -> list[Path]:
    """Logs that no manifest line names: they were not sealed."""
    sealed = {entry.path for entry in read_manifest(run.path / "manifest.jsonl", disk=run.disk)}
    return [log for log in run.logs() if str(log.relative_to(run.path)) not in sealed]


def seal_all(
    run: RunDirectory, manifest: TakesEntries, logs: Iterable[Path], *, cause: Cause, detail: str
) -> list[Path]:
    """Those that could not be sealed; each of them is told of."""
    rest = []
    for log in logs:
        try:
            _seal(run, manifest, log, Stopped(cause=cause, stage="policy", detail=detail))
        except (CodingAgentError, OSError) as error:
            _log.warning("a log without an end is left as it is", log=str(log), why=str(error))
            rest.append(log)
    return rest


def _seal(run: RunDirectory, manifest: TakesEntries, log: Path, stop: Stopped) -> None:
    """One that has not even a beginning is deleted: it says nothing, and could say nothing more."""
    if not log.is_file():
        return
    if log.stat().st_size and verify(log, disk=run.disk).condition == "torn":
        recover(log, disk=run.disk)
    if log.stat().st_size == 0:
        run.disk.remove(log)
        run.disk.sync_directory(log.parent)
        return
    with LogWriter.reopen(log, durability="event", disk=run.disk) as writer:
        state = fold(read_events(log))
        if not _lacks_only_its_done(state):
            writer.append(stop)
            state = evolve(state, stop)
        if isinstance(step := decide(state), Append):
            writer.append(step.event)
    entry = entry_of(log, str(log.relative_to(run.path)), disk=run.disk)
    assert entry is not None
    manifest.append(entry)


def _lacks_only_its_done(state: EpisodeState) -> bool:
    step = decide(state)
    return isinstance(step, Append) and isinstance(step.event, Done)
