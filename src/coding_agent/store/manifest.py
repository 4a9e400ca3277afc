"""The manifest: a chained line per sealed episode. An index that notices a missing file or tail, never the truth."""

from __future__ import annotations

import functools
import hashlib
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Protocol

import attrs
import cattrs
import orjson
from cattrs.v import format_exception

from coding_agent.errors import LogDamaged, LogTorn, StoreUnwritable, WriterPoisoned
from coding_agent.events.line import MAX_LINE
from coding_agent.events.values import JSON
from coding_agent.store.disk import REAL_DISK, Disk, not_read, write_all
from coding_agent.store.torn import unfinished
from coding_agent.store.writer import lock, release

SEED = hashlib.sha256(b"coding-agent manifest v1\n").hexdigest()
_TAIL = len(',"chain":""}\n') + 64


def _stays_in_the_run(_: Any, __: Any, path: str) -> None:
    found = PurePosixPath(path)
    if str(found) != path or found.is_absolute() or not found.name or ".." in found.parts or "\0" in path:
        raise ValueError(f"path: expected one below the run directory, found {path!r}")


@attrs.frozen(kw_only=True)
class Entry:
    """One sealed episode. `path` is relative to the run directory, and stays in it."""

    at: str
    episode: str
    path: str = attrs.field(validator=_stays_in_the_run)
    task: str
    sample: int
    attempt: int
    events: int
    head: str
    semantic_digest: str
    summary: dict[str, JSON]
    """For people and filters: `reason`, `turns`, `passed`."""
    step: int | None = None
    group: str | None = None


class TakesEntries(Protocol):
    """A manifest, as whoever seals logs needs it."""

    def append(self, entry: Entry) -> None: ...


class Manifest:
    """The manifest of one run directory, open for appending by one process."""

    def __init__(self, path: Path, *, disk: Disk = REAL_DISK) -> None:
        """Raises LogLocked; LogTorn and LogDamaged for what must not be appended to; StoreError."""
        self.path, self._disk = path, disk
        self._chain = SEED
        self._one_at_a_time = threading.Lock()
        self._failure: OSError | None = None
        self._is_broken_off = False
        """A line may be there whose chain is not the one that is known here."""
        self._fd = -1
        try:
            fd = _open(disk, path)
        except OSError as error:
            raise StoreUnwritable(str(path), f"can not be written: {error.strerror}") from error
        lock(disk, fd, path)
        self._fd = fd
        try:
            for _, self._chain in _lines(path, disk):
                pass
        except BaseException:
            self.close()
            raise

    def append(self, entry: Entry, *, durable: bool = True) -> None:
        """Thread-safe: each line's hash needs the line before it. Raises WriterPoisoned after any I/O error."""
        with self._one_at_a_time:
            self._append(entry, durable=durable)

    def _append(self, entry: Entry, *, durable: bool) -> None:
        self._check_alive()
        raw, chain = manifest_line(entry, self._chain)
        self._is_broken_off = True
        try:
            write_all(self._disk, self._fd, raw)
            if durable:
                self._disk.sync(self._fd)
        except OSError as error:
            self._failure = error
            self._check_alive()
        self._chain = chain
        self._is_broken_off = False

    def _check_alive(self) -> None:
        if self._fd < 0:
            raise WriterPoisoned(str(self.path), "this manifest is closed")
        if self._failure is not None:
            message = f"writing failed for good: {self._failure}; the logs are intact"
            raise WriterPoisoned(str(self.path), message) from self._failure
        if self._is_broken_off:
            raise WriterPoisoned(str(self.path), "an append was broken off; the logs are intact")

    def close(self) -> None:
        if self._fd >= 0:
            fd, self._fd = self._fd, -1
            release(self._disk, fd)


def manifest_line(entry: Entry, previous: str) -> tuple[bytes, str]:
    """The line of an entry and its chain, after the line whose chain is `previous`."""
    head = orjson.dumps(attrs.asdict(entry))[:-1]
    chain = hashlib.sha256(previous.encode() + head).hexdigest()
    return head + b',"chain":"' + chain.encode() + b'"}\n', chain


def read_manifest(path: Path, *, disk: Disk = REAL_DISK) -> Iterator[Entry]:
    """Each entry in order. Raises LogTorn or LogDamaged at the first line that is not what was written.

    Each line is durable before the next is written, so only the last one can be torn, and only as a crash tears it.
    """
    for entry, _ in _lines(path, disk):
        yield entry


def _open(disk: Disk, path: Path) -> int:
    try:
        return disk.open(path)
    except FileNotFoundError:
        pass
    try:
        fd = disk.create(path)
    except FileExistsError:
        return disk.open(path)
    disk.sync_directory(path.parent)
    return fd


def _lines(path: Path, disk: Disk) -> Iterator[tuple[Entry, str]]:
    chain, offset = SEED, 0
    try:
        stream = disk.read(path)
    except OSError as error:
        raise not_read(path, error) from error
    with stream:
        for number, raw in enumerate(_raw_lines(path, stream), start=1):
            before = chain
            try:
                entry, chain = _entry(raw, chain)
            except ValueError as error:
                place = {"line": number, "byte": offset}
                if stream.read(1) or not unfinished(raw, offset, functools.partial(_fits, previous=before)):
                    raise LogDamaged(str(path), f"not what was written: {error}", **place) from error
                raise LogTorn(str(path), f"the last line was never completely written: {error}", **place) from error
            offset += len(raw)
            yield entry, chain


def _raw_lines(path: Path, stream: BinaryIO) -> Iterator[bytes]:
    """A line that is too long comes in pieces."""
    try:
        yield from iter(functools.partial(stream.readline, MAX_LINE + 1), b"")
    except OSError as error:
        raise not_read(path, error) from error


def _fits(raw: bytes, previous: str) -> bool:
    with suppress(ValueError):
        _entry(raw, previous)
        return True
    return False


def _entry(raw: bytes, previous: str) -> tuple[Entry, str]:
    expected = hashlib.sha256(previous.encode() + raw[:-_TAIL]).hexdigest()
    if not raw.endswith(f',"chain":"{expected}"}}\n'.encode()):
        raise ValueError("the chain does not fit" if raw.endswith(b"\n") else "it has no end")
    try:
        body = orjson.loads(raw)
        del body["chain"]
        return cattrs.structure(body, Entry), expected
    except cattrs.ClassValidationError as error:
        raise ValueError(f"not an entry: {'; '.join(cattrs.transform_error(error, format_exception=_told))}") from error
    except Exception as error:
        raise ValueError(f"not an entry: {error}") from error


def _told(error: BaseException, expected: type | None) -> str:
    """One thing that is wrong with an entry; what it refuses as a whole, it says itself."""
    return str(error) if expected is None else format_exception(error, expected)
