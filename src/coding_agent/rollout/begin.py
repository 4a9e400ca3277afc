"""How an episode's log begins: anew, in the same file after a crash, or as a branch of an older log.

Nothing is executed to get to where an earlier life left off: events are read, and for a branch copied.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import attrs

from coding_agent.errors import LogDamaged, UsageError
from coding_agent.events.schema import EpisodeStarted, Event, Resumed, TestRun, ToolResult
from coding_agent.events.values import Changes, Parent
from coding_agent.store.disk import REAL_DISK, Disk
from coding_agent.store.reader import Decoded, read_decoded
from coding_agent.store.rundir import RunDirectory, blobs_of
from coding_agent.store.writer import Durability, LogWriter


@attrs.frozen(kw_only=True)
class Source:
    """The older log that an episode goes on from."""

    log: Path
    at: int | None = None
    """The last event that is kept, in a new file; None goes on in the same file."""
    then: int | None = None
    """Only when going on: the log was stopped already and lacks its Done; once sealed, a new attempt branches here."""
    begun: bool = False
    """With `at`: the new file is there, and was cut off before it held all that it takes over."""


@attrs.frozen(kw_only=True)
class Beginning:
    """An open log and what already stands in it."""

    log: LogWriter
    history: tuple[Event, ...] = ()
    first: Event | None = None
    """What is to be appended before anything else."""
    spent_s: float = 0.0
    """Seconds of the episode's own time limit that earlier lives used."""


def begin(path: Path, start: EpisodeStarted, *, durability: Durability, disk: Disk = REAL_DISK) -> Beginning:
    """A new episode."""
    return Beginning(log=LogWriter.create(path, durability=durability, disk=disk), first=start)


def go_on(path: Path, start: EpisodeStarted, *, durability: Durability) -> Beginning:
    """The same episode, in the same file; one whose process died before its first event begins with `start`.

    Raises what `LogWriter.reopen` raises.
    """
    log = LogWriter.reopen(path, durability=durability)
    if not log.events:
        return Beginning(log=log, first=start)
    with _closed_if_it_fails(log):
        records = history(path, None)
    first = Resumed(at_seq=log.events, harness=start.harness)
    events = tuple(each.event for each in records)
    return Beginning(log=log, history=events, first=first, spent_s=spent_s(records))


def branch(
    source: Source, path: Path, start: EpisodeStarted, *, run: RunDirectory, durability: Durability
) -> Beginning:
    """A new file that holds the source's events up to `at` and all that they need, and goes on from there.

    The header says what is new (`start`: episode, sample, attempt, seed, policy, limits, sandbox, harness) and keeps
    what the policy was shown. Raises UsageError for an event that is not there, StoreError for a log not intact.
    """
    records = history(source.log, source.at)
    there = history(path, None) if source.begun and path.stat().st_size else []
    header = there[0].event if there else branch_header(records, start)
    events = (header, *(each.event for each in records[1:]))
    _refuse_another(path, [each.event for each in there], events)
    blobs = blobs_of(source.log)
    for name in sorted(blob_names(events)):
        run.blobs.put(blobs.get(name))
    opened = LogWriter.reopen if source.begun else LogWriter.create
    log = opened(path, durability=durability, disk=run.disk)
    with _closed_if_it_fails(log):
        for each, event in list(zip(records, events, strict=True))[len(there) :]:
            log.append(event, at=each.record.at, unknown=each.unknown)
    return Beginning(log=log, history=events, spent_s=spent_s(records))


@contextmanager
def _closed_if_it_fails(log: LogWriter) -> Iterator[None]:
    """Nobody else would give back its descriptor, and its lock."""
    try:
        yield
    except BaseException:
        log.close()
        raise


def _refuse_another(path: Path, there: Sequence[Event], events: Sequence[Event]) -> None:
    for seq, event in enumerate(there):
        if event != (events[seq] if seq < len(events) else None):
            message = f"event {seq} is not the one that this log would take over; it is no beginning of this branch"
            raise LogDamaged(str(path), message, line=seq + 1)


def history(source: Path, at: int | None) -> list[Decoded]:
    """The events up to and with seq `at` (None: all). Raises UsageError when the log has no such event."""
    found: list[Decoded] = []
    for each in read_decoded(source):
        if at is not None and each.record.seq > at:
            return found
        found.append(each)
    if at is None or (found and found[-1].record.seq == at):
        return found
    raise UsageError(f"{source} has no event {at}: its last is {found[-1].record.seq}")


def branch_header(records: Sequence[Decoded], start: EpisodeStarted) -> EpisodeStarted:
    """The first event of a branch: `start`, with what the policy had been shown and what it had been told."""
    old, last = records[0].event, records[-1].record
    assert isinstance(old, EpisodeStarted)
    return attrs.evolve(
        start,
        messages=old.messages,
        tools=old.tools,
        prompt_version=old.prompt_version,
        conversation=old.conversation,
        privileged=old.privileged or start.privileged,
        tree=old.tree,
        parent=Parent(episode=old.episode, seq=last.seq, chain=last.chain),
    )


def spent_s(events: Iterable[Decoded]) -> float:
    """Seconds between the first and the last event of each life, summed up; the time in between does not count."""
    total, began, last = 0.0, None, None
    for each in events:
        now = dt.datetime.fromisoformat(each.record.at)
        if began is None or isinstance(each.event, Resumed):
            total += 0.0 if began is None or last is None else max(0.0, (last - began).total_seconds())
            began = now
        last = now
    return total + (0.0 if began is None or last is None else max(0.0, (last - began).total_seconds()))


def blob_names(events: Iterable[Event]) -> set[str]:
    """Every blob that the events name."""
    found: set[str] = set()
    for event in events:
        changes: Changes | None = event.changes if isinstance(event, ToolResult | TestRun) else None
        for file in changes.files if changes else ():
            found.update(name for name in (file.blob, file.before.blob if file.before else None) if name)
    return found
