"""Disks that fail at one call, come back from a crash, or hold one log."""

from __future__ import annotations

import errno
import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO, Literal

import attrs

from coding_agent.store.simulated import Crash, SimulatedDisk

Fault = Literal["EIO", "ENOSPC", "short", "power"]
Page = Literal["new", "zero", "stale"]
PAGES: tuple[Page, ...] = ("new", "zero", "stale")
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


def crash_contents(durable: bytes, visible: bytes, *, page: int, stale: bytes) -> Iterator[bytes]:
    """Every content that a crash may leave of a file that only grew: each page in each state, each page-wise length.

    Bytes that were durable stay. `stale` is what the blocks held before they became part of this file.
    """
    first = len(durable) // page
    for length in sorted({len(durable), len(visible), *range((first + 1) * page, len(visible), page)}):
        count = -(-length // page) - first if length > len(durable) else 0
        for code in range(3**count):
            kinds = [PAGES[code // 3**number % 3] for number in range(count)]
            yield _after(durable, visible[:length], lambda number, kinds=kinds: kinds[number - first], page, stale)  # type: ignore[misc]


def _after(durable: bytes, visible: bytes, kind: Callable[[int], Page], page: int, stale: bytes) -> bytes:
    content = bytearray(visible)
    for number in range(len(durable) // page, -(-len(visible) // page)):
        start, end = max(number * page, len(durable)), min((number + 1) * page, len(visible))
        if start < end and kind(number) != "new":
            old = bytes(end) if kind(number) == "zero" else stale * (1 + end // len(stale))
            content[start:end] = old[start:end]
    return bytes(content)
