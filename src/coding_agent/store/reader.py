"""Reading logs: streaming, verified line by line, in constant memory. Says torn from damaged, and where.

A bad line is *torn* when a crash may have left it so, *damaged* when not: `torn` decides.
"""

from __future__ import annotations

import datetime as dt
import functools
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

import attrs

from coding_agent.errors import (
    DecodeError,
    LogDamaged,
    LogIncompatible,
    LogTorn,
    StoreError,
    StoreUnreadable,
    UnknownEvent,
)
from coding_agent.events.codec import decode_all
from coding_agent.events.line import CHAIN_SEED, MAX_LINE, STATE_SEED, Record, read_line
from coding_agent.events.schema import FORMAT, Event
from coding_agent.events.unknown import Unknown
from coding_agent.events.upcast import UPCASTERS, Upcaster, upcast
from coding_agent.store.advice import Advice, Condition, FileKind, LogCondition, advice
from coding_agent.store.disk import REAL_DISK, Disk, not_read
from coding_agent.store.torn import BadLine, judge

EMPTY = "the file is empty: no event was ever written"


@attrs.frozen(kw_only=True)
class LogReport:
    """What `verify` found out about one log."""

    file: str
    condition: LogCondition
    kind: FileKind = "log"
    """Manifests and blobs are reported only when something is wrong with them."""
    events: int = 0
    """Intact events."""
    head: str = CHAIN_SEED
    """Chain of the last intact event."""
    semantic_digest: str = STATE_SEED
    """State after the last intact event."""
    problem: str | None = None
    line: int | None = None
    byte: int | None = None
    durable: int = -1
    """The last seq that is known to have been durable."""
    blobs: int = 0
    """Blobs that it is the first to name and that are what their names say."""
    blobs_unchecked: int = 0
    """Blobs that it names and that were not looked for: it is alone, without a folder `blobs/`."""

    lacks_blobs: bool = False
    """It names blobs that are gone or changed: there is a report of each."""
    doubtful: bool = False
    """Whether it was sealed can not be known: the manifest that would say so is damaged, or not to be read."""
    run: str | None = None
    """The run directory that it is part of."""

    @property
    def advice(self) -> Advice:
        """What to do about it."""
        condition: Condition = self.condition
        if self.doubtful and condition in {"torn", "incomplete"}:
            condition = "doubtful"
        elif condition == "torn" and self.problem is not None and EMPTY in self.problem:
            condition = "empty"
        elif condition == "incomplete" and self.lacks_blobs:
            condition = "lacking"
        return advice(self.kind, condition, file=self.file, run=self.run)


def read_records(path: Path, *, disk: Disk = REAL_DISK, strict: bool = True) -> Iterator[Record]:
    """Each intact record in order; then, if the file goes on, LogTorn, LogDamaged or LogIncompatible at that place.

    `strict` also refuses what the chain covers and JSON parsers read differently (`line.parse`): for decoding.
    """
    try:
        stream = disk.read(path)
    except OSError as error:
        raise not_read(path, error) from error
    with stream:
        chain, seq, offset, durable, ended = CHAIN_SEED, 0, 0, -1, False
        for raw in _lines(path, stream):
            try:
                record = _intact(raw, seq, chain, strict)
            except DecodeError as error:
                bad = BadLine(raw=raw, seq=seq, at=offset, chain=chain, durable=durable, ended=ended, error=error)
                raise judge(str(path), bad, _lines(path, stream)) from error
            if ended:
                message = f"nothing is ever written after Done, and here is a {record.type} whose chain fits"
                raise LogDamaged(str(path), message, line=seq + 1, byte=offset)
            if seq == 0:
                _check_format(path, record)
            yield record
            chain, seq, offset = record.chain, seq + 1, offset + len(raw)
            durable, ended = max(durable, record.synced), record.type == "done"
        if seq == 0:
            raise LogTorn(str(path), EMPTY, line=1, byte=0)


def _lines(path: Path, stream: BinaryIO) -> Iterator[bytes]:
    """A line that is too long comes in pieces."""
    try:
        yield from iter(functools.partial(stream.readline, MAX_LINE + 1), b"")
    except OSError as error:
        raise not_read(path, error) from error


@attrs.frozen
class Decoded:
    """One event of a log, in today's format, and the record that it was read from."""

    record: Record
    event: Event
    unknown: Unknown
    """Fields that this release does not know."""


def read_decoded(
    path: Path, *, upcasters: Mapping[int, Upcaster] = UPCASTERS, disk: Disk = REAL_DISK
) -> Iterator[Decoded]:
    """Each event of an intact log; one record of an older format may stand for several, or for none.

    Raises StoreError; LogIncompatible naming the line for a type or format that this release does not know.
    """
    version = FORMAT
    for record in read_records(path, disk=disk):
        version = _format(record) if record.seq == 0 else version
        _check_time(path, record)
        try:
            for name, data in upcast((record.type, record.data), version, upcasters=upcasters):
                yield Decoded(record, *decode_all(name, data))
        except (UnknownEvent, DecodeError) as error:
            raise _not_decoded(path, record, error) from error


def event_of(record: Record, path: Path) -> Event:
    """One event of a log of today's format. Raises LogDamaged or LogIncompatible, naming the line."""
    try:
        return record.event
    except (UnknownEvent, DecodeError) as error:
        raise _not_decoded(path, record, error) from error


def _not_decoded(path: Path, record: Record, error: UnknownEvent | DecodeError) -> StoreError:
    line = record.seq + 1
    if isinstance(error, UnknownEvent):
        return LogIncompatible(str(path), str(error), line=line)
    return LogDamaged(str(path), f"not a {record.type}: {error}", line=line)


def read_events(path: Path, *, upcasters: Mapping[int, Upcaster] = UPCASTERS) -> tuple[Event, ...]:
    """All events of an intact log, sealed or not. Raises what `read_decoded` raises."""
    return tuple(each.event for each in read_decoded(path, upcasters=upcasters))


def verify(path: Path, *, disk: Disk = REAL_DISK, see: Callable[[Record], None] | None = None) -> LogReport:
    """Every byte checked against the chain, nothing decoded; never raises for what is wrong with the file.

    `see` gets each intact record.
    """
    return examine(path, disk=disk, see=see)[0]


def examine(
    path: Path, *, disk: Disk = REAL_DISK, see: Callable[[Record], None] | None = None
) -> tuple[LogReport, StoreError | None]:
    """As `verify`, and the error that reading the log ended with."""
    last: Record | None = None
    count = durable = 0
    condition: LogCondition = "incomplete"
    problem: StoreError | None = None
    try:
        for record in read_records(path, disk=disk, strict=False):
            last, count = record, count + 1
            durable = max(durable, record.synced)
            if see is not None:
                see(record)
        condition = "sealed" if last is not None and last.type == "done" else "incomplete"
    except StoreError as error:
        problem = error
        is_there = isinstance(error, StoreUnreadable) or disk.exists(path)
        condition = condition_of(error) if is_there else "missing"
    report = LogReport(
        file=str(path),
        condition=condition,
        events=count,
        head=last.chain if last else CHAIN_SEED,
        semantic_digest=last.state if last else STATE_SEED,
        problem=None if problem is None else str(problem),
        line=problem.line if problem else None,
        byte=problem.byte if problem else None,
        durable=durable if last else -1,
    )
    return report, problem


def condition_of(error: StoreError) -> LogCondition:
    """What reading a log that is there says of it when it ends so."""
    if isinstance(error, LogTorn):
        return "torn"
    if isinstance(error, StoreUnreadable):
        return "unreadable"
    return "incompatible" if isinstance(error, LogIncompatible) else "damaged"


def _intact(raw: bytes, seq: int, chain: str, strict: bool) -> Record:
    if not raw.endswith(b"\n"):
        expected = "a line that ends" if len(raw) <= MAX_LINE else f"a line of at most {MAX_LINE} bytes"
        raise DecodeError("$", expected, f"{len(raw)} bytes without an end")
    return read_line(raw, seq=seq, chain=chain, strict=strict)


def _format(first: Record) -> int:
    found = first.data.get("format", 1) if isinstance(first.data, dict) else None
    return found if type(found) is int else FORMAT


def _check_time(path: Path, record: Record) -> None:
    try:
        offset = dt.datetime.fromisoformat(record.at).utcoffset()
    except ValueError:
        offset = None
    if offset is None:
        message = f"$.at: expected a time like 2026-01-31T09:30:00.123456Z, found {record.at[:40]!r}"
        raise LogDamaged(str(path), message, line=record.seq + 1)


def _check_format(path: Path, record: Record) -> None:
    found = _format(record)
    if found > FORMAT:
        raise LogIncompatible(str(path), f"format {found}; this release reads up to {FORMAT}", line=1)
