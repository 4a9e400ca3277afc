"""The one writer of one log: create, append, seal. An I/O error ends it for good.

Durability: `event` acknowledges after `fdatasync`; `group` after the write (which survives SIGKILL) and the
shared syncer makes it durable within 50 ms; `none` leaves it to the kernel. Always, the lines before Done are durable
before Done is written, and Done, the file and its directory are durable when `append` returns.
"""

from __future__ import annotations

import datetime as dt
import functools
import threading
import time
from collections.abc import Callable
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Literal, Self

from coding_agent.errors import LogLocked, StoreUnwritable, UsageError, WriterPoisoned
from coding_agent.events.line import CHAIN_SEED, STATE_SEED, Line, write_line
from coding_agent.events.log import Place, advance
from coding_agent.events.schema import FORMAT, Done, EpisodeStarted, Event
from coding_agent.events.unknown import NOTHING, Unknown
from coding_agent.store.disk import REAL_DISK, Disk, make_directories, write_all
from coding_agent.store.reader import read_decoded

Durability = Literal["event", "group", "none"]


def utc_now() -> str:
    """RFC 3339 with microseconds."""
    seconds, nanoseconds = divmod(time.time_ns(), 1_000_000_000)
    return f"{_second(seconds)}.{nanoseconds // 1000:06}Z"


@functools.lru_cache(maxsize=1)
def _second(seconds: int) -> str:
    # Cached: a busy log asks thousands of times within one second.
    return dt.datetime.fromtimestamp(seconds, dt.UTC).strftime("%Y-%m-%dT%H:%M:%S")


class LogWriter:
    """Appends events to a log that it created and locked. Thread-safe against the syncer, not against itself."""

    def __init__(self, path: Path, fd: int, durability: Durability, clock: Callable[[], str], disk: Disk) -> None:
        self.path, self.durability = path, durability
        self._fd, self._clock, self._disk = fd, clock, disk
        self._lock = threading.Lock()
        self._place = Place()
        self._synced = -1
        self._is_named = False
        """The names of the file and of its directory, which another writer may have made a moment ago, are durable."""
        self._failure: OSError | None = None
        self._is_told = False
        """Somebody got the failure as an exception."""
        self._is_broken_off = False
        """An append did not come to its end: what is in the file behind the last acknowledged event is not known."""
        self.state, self.chain = STATE_SEED, CHAIN_SEED

    @classmethod
    def create(
        cls, path: Path, *, durability: Durability = "group", clock: Callable[[], str] = utc_now, disk: Disk = REAL_DISK
    ) -> Self:
        """A new log. Raises UsageError when the file exists, LogLocked when somebody else holds it, StoreUnwritable."""
        try:
            make_directories(disk, path.parent)
            fd = disk.create(path)
        except FileExistsError as error:
            message = f"{path} exists; an episode's log is written once: choose another run directory"
            raise UsageError(message) from error
        except OSError as error:
            raise StoreUnwritable(str(path), f"can not be created: {error.strerror}") from error
        lock(disk, fd, path)
        return cls(path, fd, durability, clock, disk)

    @classmethod
    def reopen(
        cls, path: Path, *, durability: Durability = "group", clock: Callable[[], str] = utc_now, disk: Disk = REAL_DISK
    ) -> Self:
        """Go on in an intact log that has no Done; one without any event is begun anew.

        Raises LogLocked, UsageError for a sealed log, and what `read_records` raises for one that is not intact.
        """
        try:
            fd = disk.open(path)
        except OSError as error:
            raise StoreUnwritable(str(path), f"can not be written: {error.strerror}") from error
        lock(disk, fd, path)
        writer = cls(path, fd, durability, clock, disk)
        try:
            if disk.size(fd):
                writer._follow()
        except OSError as error:
            writer.close()
            raise StoreUnwritable(str(path), f"can not be gone on with: {error.strerror}") from error
        except BaseException:
            writer.close()
            raise
        return writer

    def _follow(self) -> None:
        for each in read_decoded(self.path, disk=self._disk):
            if isinstance(each.event, EpisodeStarted) and each.record.data.get("format", FORMAT) != FORMAT:
                message = f"{self.path} is of an older format, and a log has one; fork it to go on"
                raise UsageError(message)
            self._place = advance(self._place, each.event)
            self.state, self.chain = each.record.state, each.record.chain
        if self._place.done:
            raise UsageError(f"{self.path} is sealed; there is nothing to go on with")
        # What a killed writer left is in the page cache, perhaps nowhere else.
        self.sync()
        self._check_alive()

    @property
    def events(self) -> int:
        """How many events were acknowledged."""
        return self._place.seq

    @property
    def place(self) -> Place:
        return self._place

    def append(self, event: Event, *, at: str | None = None, unknown: Unknown = NOTHING) -> Line:
        """Acknowledge one event; `at` and `unknown` only for one that is copied from another log.

        Raises IllegalSequence or EncodeError (nothing written), WriterPoisoned.
        """
        self._check_alive()
        place = advance(self._place, event)
        sealing = isinstance(event, Done)
        if sealing:
            # A Done that is durable says that everything before it is.
            self.sync()
            self._check_alive()
        line = write_line(
            event,
            seq=self._place.seq,
            at=at or self._clock(),
            synced=self._synced,
            state=self.state,
            chain=self.chain,
            unknown=unknown,
        )
        before = (self._place, self.state, self.chain)
        # Ctrl-C may come after any of these calls: from here to the end, only coming through keeps the writer alive.
        self._is_broken_off = True
        try:
            self._write(line.raw)
            self._place, self.state, self.chain = place, line.state, line.chain
            if sealing or self.durability == "event":
                self.sync()
            elif self.durability == "group":
                self._disk.sync_soon(self)
            if self._failure is not None:
                self._check_alive()
        except BaseException:
            # Perhaps written, perhaps durable, but never acknowledged.
            self._place, self.state, self.chain = before
            raise
        self._is_broken_off = False
        return line

    def sync(self) -> None:
        """Make what was appended durable, and the log's name with it.

        Never raises: a failure poisons the writer, and is not tried again.
        """
        with self._lock:
            if self._failure is not None or self._fd < 0:
                return
            last = self._place.seq - 1
            try:
                self._disk.sync(self._fd)
                if not self._is_named:
                    self._disk.sync_directory(self.path.parent)
                    self._disk.sync_directory(self.path.parent.parent)
                    self._is_named = True
            except OSError as error:
                self._failure = error
                return
            self._synced = last

    def close(self) -> None:
        """Release the lock and the descriptor. An unsealed log stays readable and resumable.

        Raises WriterPoisoned when what was acknowledged could not be made durable and nobody was told.
        """
        if self.durability != "none" and self._synced < self._place.seq - 1:
            self.sync()
        with self._lock:
            if self._fd >= 0:
                fd, self._fd = self._fd, -1
                release(self._disk, fd)
        if self._failure is not None and not self._is_told:
            self._check_alive()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        with nullcontext() if kind is None else suppress(WriterPoisoned):
            self.close()

    def _write(self, raw: bytes) -> None:
        try:
            write_all(self._disk, self._fd, raw)
        except OSError as error:
            self._failure = error
            self._check_alive()

    def _check_alive(self) -> None:
        if self._failure is not None:
            self._is_told = True
            message = (
                f"writing failed for good: {self._failure}; what was acknowledged before is intact; `resume` goes on"
            )
            raise WriterPoisoned(str(self.path), message) from self._failure
        if self._fd < 0:
            raise WriterPoisoned(str(self.path), "this writer is closed")
        if self._is_broken_off:
            message = "an append was broken off; what was acknowledged before is intact; `resume` goes on"
            raise WriterPoisoned(str(self.path), message)


def lock(disk: Disk, fd: int, path: Path) -> None:
    """Take the log's lock, or close `fd` and raise LogLocked; StoreUnwritable where the file system can not lock."""
    try:
        free = disk.lock(fd)
    except OSError as error:
        release(disk, fd)
        message = f"can not be locked: {error.strerror}; use a file system with flock, and without errors"
        raise StoreUnwritable(str(path), message) from error
    if not free:
        release(disk, fd)
        raise LogLocked(str(path), "another process is writing this log; wait for it, or stop it")


def release(disk: Disk, fd: int) -> None:
    """Close, and give up the lock. What matters was synced before; an error of close says nothing about it."""
    with suppress(OSError):
        disk.close(fd)
