"""Disks that fail at one call, come back from a crash, or hold one log."""

from __future__ import annotations

import errno
import io
import itertools
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO, Literal

import attrs

from coding_agent.store.simulated import SECTOR, Crash, SimulatedDisk

Fault = Literal["EIO", "ENOSPC", "short", "power"]
Sector = Literal["new", "zero", "earlier", "stale"]
LOG = Path("/log.jsonl")


class PowerCut(BaseException):
    """The machine lost power at this call. Nothing in the process may handle it."""


@attrs.define
class FaultAt:
    """For `SimulatedDisk.on_call`: one fault at call `number`. `calls` names those that were made, in order."""

    number: int = -1
    fault: Fault = "EIO"
    short: int = 7
    """How many bytes a short write takes."""
    calls: list[str] = attrs.field(factory=list)

    def __call__(self, name: str) -> int | None:
        self.calls.append(name)
        if len(self.calls) - 1 != self.number:
            return None
        if self.fault == "short":
            return self.short if name == "write" else None
        if self.fault == "power":
            raise PowerCut(name)
        code = getattr(errno, self.fault)
        raise OSError(code, os.strerror(code))


Quiet = Literal["open", "lock", "size", "close", "read", "stream"]
"""Calls that change nothing; `stream` is reading on in what `read` opened."""


class FailingStream(io.BytesIO):
    """The sectors can not be read."""

    def __next__(self) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    def readline(self, size: int | None = -1, /) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    def read(self, size: int | None = -1, /) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))


class QuietlyFailing(SimulatedDisk):
    """A disk whose every call of one name fails, for the calls that change nothing and that `on_call` does not see."""

    def __init__(self) -> None:
        super().__init__()
        self.refused: Quiet | None = None

    def _look(self, name: Quiet) -> None:
        if name == self.refused:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

    def open(self, path: Path) -> int:
        self._look("open")
        return super().open(path)

    def lock(self, fd: int) -> bool:
        self._look("lock")
        return super().lock(fd)

    def size(self, fd: int) -> int:
        self._look("size")
        return super().size(fd)

    def close(self, fd: int) -> None:
        super().close(fd)  # the descriptor is gone, whatever close says
        self._look("close")

    def read(self, path: Path) -> BinaryIO:
        self._look("read")
        stream = super().read(path)
        return FailingStream() if self.refused == "stream" else stream


def disk_of(crash: Crash) -> SimulatedDisk:
    """What a crash left, as a disk again."""
    disk = SimulatedDisk()
    for name, content in crash.items():
        for folder in reversed(Path(name).parents[:-1]):
            if not disk.exists(folder):
                disk.make_directory(folder)
        fd = disk.create(Path(name))
        disk.write(fd, content)
        disk.close(fd)
    return disk


def holding(content: bytes) -> SimulatedDisk:
    """A disk with one log."""
    return disk_of({str(LOG): content})


def crash_contents(versions: Sequence[bytes], kinds: Sequence[Sector], *, stale: bytes = b"") -> Iterator[bytes]:
    """Every content that a crash may leave of a file that only grew: each sector of each kind, each sector-wise length.

    `versions`: the file when it was synced last, then after each write. What was durable stays. `earlier` is a sector
    that went to the disk after the first of these writes and not again; `stale` what its blocks held in another file.
    """
    durable, visible = versions[0], versions[-1]
    first = len(durable) // SECTOR
    ends = {len(version) for version in versions}
    for length in sorted({*ends, *range((first + 1) * SECTOR, len(visible), SECTOR)}):
        count = -(-length // SECTOR) - first if length > len(durable) else 0
        for chosen in itertools.product(kinds, repeat=count):
            content = bytearray(visible[:length])
            for number, kind in enumerate(chosen, start=first):
                start, end = max(number * SECTOR, len(durable)), min((number + 1) * SECTOR, length)
                content[start:end] = _sector(kind, versions, stale, start, end)
            yield bytes(content)


def _sector(kind: Sector, versions: Sequence[bytes], stale: bytes, start: int, end: int) -> bytes:
    source = {
        "new": versions[-1],
        "zero": b"",
        "earlier": versions[min(1, len(versions) - 1)],
        "stale": stale * (1 + end // max(1, len(stale))),
    }[kind]
    return source[start:end].ljust(end - start, b"\0")
