"""A disk in memory that forgets what was not synced: for finding out what a crash at any call may leave.

Written bytes sit in sectors that a power cut may keep or lose, each for itself (what is new and lost reads as zeros),
and a file may keep any length between what was synced and what was written. A name (a new file, a new directory, a
rename, a deletion) is kept or lost by itself, unless its directory was synced. A kill loses nothing that was written.
"""

from __future__ import annotations

import errno
import io
import random
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import BinaryIO

import attrs

from coding_agent.store.syncer import Syncable

SECTOR = 512
FIRST_DESCRIPTOR = 1 << 20
"""Above any that the system gives, so that the two can not be taken for each other."""
Crash = dict[str, bytes]
"""Path → content, of every file that a crash left."""


@attrs.define(eq=False)
class _File:
    data: bytearray = attrs.field(factory=bytearray)
    durable: bytes = b""
    dirty: set[int] = attrs.field(factory=set)
    """Sectors written since the last sync."""
    locked_by: int | None = None


@attrs.define(eq=False)
class _Folder:
    names: dict[str, _File | _Folder] = attrs.field(factory=dict)
    durable: dict[str, _File | _Folder] = attrs.field(factory=dict)


class SimulatedDisk:
    """Implements `disk.Disk`. `on_call` is called before every call that changes or syncs something, with its name: it
    may raise OSError, and what it returns for a `write` is how many bytes are taken."""

    def __init__(self, on_call: Callable[[str], int | None] = lambda _: None) -> None:
        self.on_call = on_call
        self.calls = 0
        self._root = _Folder()
        self._open: dict[int, _File] = {}
        self._soon: dict[int, Syncable] = {}
        self._next = FIRST_DESCRIPTOR
        self._lock = threading.RLock()

    # What a process does.

    def create(self, path: Path) -> int:
        with self._lock:
            self._call("create")
            parent, name = self._parent(path)
            if not name or name in parent.names:
                raise FileExistsError(errno.EEXIST, "File exists", str(path))
            file = parent.names[name] = _File()
            return self._opened(file)

    def open(self, path: Path) -> int:
        with self._lock:
            return self._opened(self._find(path))

    def lock(self, fd: int) -> bool:
        with self._lock:
            file = self._file(fd)
            if file.locked_by not in {None, fd}:
                return False
            file.locked_by = fd
            return True

    def write(self, fd: int, data: bytes) -> int:
        with self._lock:
            file = self._file(fd)
            taken = self._call("write")
            data = data if taken is None else data[:taken]
            at = len(file.data)
            file.data += data
            file.dirty |= set(range(at // SECTOR, (at + len(data) + SECTOR - 1) // SECTOR))
            return len(data)

    def sync(self, fd: int) -> None:
        with self._lock:
            file = self._file(fd)
            self._call("sync")
            file.durable = bytes(file.data)
            file.dirty.clear()

    def sync_soon(self, log: Syncable) -> None:
        self._soon[id(log)] = log

    def size(self, fd: int) -> int:
        with self._lock:
            return len(self._file(fd).data)

    def truncate(self, fd: int, size: int) -> None:
        with self._lock:
            file = self._file(fd)
            self._call("truncate")
            lengths = sorted((size, len(file.data)))
            file.data[:] = file.data[:size].ljust(size, b"\0")
            file.dirty |= set(range(lengths[0] // SECTOR, lengths[1] // SECTOR + 1))

    def close(self, fd: int) -> None:
        with self._lock:
            file = self._file(fd)
            if file.locked_by == fd:
                file.locked_by = None
            del self._open[fd]

    def read(self, path: Path) -> BinaryIO:
        with self._lock:
            return io.BytesIO(bytes(self._find(path).data))

    def exists(self, path: Path) -> bool:
        with self._lock:
            try:
                parent, name = self._parent(path)
            except FileNotFoundError:
                return False
            return not name or name in parent.names

    def make_directory(self, path: Path) -> None:
        with self._lock:
            self._call("make_directory")
            parent, name = self._parent(path)
            if not name or name in parent.names:
                raise FileExistsError(errno.EEXIST, "File exists", str(path))
            parent.names[name] = _Folder()

    def rename(self, source: Path, target: Path) -> None:
        with self._lock:
            self._call("rename")
            file = self._find(source)
            before, name = self._parent(source)
            after, called = self._parent(target)
            del before.names[name]
            after.names[called] = file

    def remove(self, path: Path) -> None:
        with self._lock:
            self._call("remove")
            self._find(path)
            parent, name = self._parent(path)
            del parent.names[name]

    def sync_directory(self, path: Path) -> None:
        with self._lock:
            self._call("sync_directory")
            parent, name = self._parent(path)
            folder = parent.names.get(name) if name else parent
            if not isinstance(folder, _Folder):
                raise FileNotFoundError(errno.ENOENT, "No such directory", str(path))
            folder.durable = dict(folder.names)

    @property
    def descriptors(self) -> int:
        """How many are open."""
        return len(self._open)

    # What happens to it.

    def sync_group(self) -> None:
        """The syncer's thread has its turn: every log that waits for it becomes durable. There is no clock here."""
        logs, self._soon = list(self._soon.values()), {}
        for log in logs:
            log.sync()

    def killed(self) -> Crash:
        """What is left when every process is killed: all that was written."""
        with self._lock:
            return {path: bytes(file.data) for path, file in _walk(self._root, lambda folder: folder.names)}

    def power_cut(self, draws: random.Random) -> Crash:
        """What is left when the power fails now: one of the states that are possible."""
        with self._lock:

            def kept(folder: _Folder) -> dict[str, _File | _Folder]:
                # Each name by itself; those that were not touched since the last sync are sure.
                names = {*folder.durable, *folder.names}
                either = {name: draws.choice((folder.durable, folder.names)).get(name) for name in sorted(names)}
                return {name: node for name, node in either.items() if node is not None}

            return {path: _remains(file, draws) for path, file in _walk(self._root, kept)}

    def _call(self, name: str) -> int | None:
        self.calls += 1
        return self.on_call(name)

    def _opened(self, file: _File) -> int:
        self._next += 1
        self._open[self._next] = file
        return self._next

    def _file(self, fd: int) -> _File:
        if fd not in self._open:
            raise OSError(errno.EBADF, "Bad file descriptor")
        return self._open[fd]

    def _find(self, path: Path) -> _File:
        parent, name = self._parent(path)
        file = parent.names.get(name)
        if not isinstance(file, _File):
            raise FileNotFoundError(errno.ENOENT, "No such file or directory", str(path))
        return file

    def _parent(self, path: Path) -> tuple[_Folder, str]:
        """(the directory that holds it, its name there); the root is held by itself, under no name."""
        here = self._root
        parts = [part for part in str(path).split("/") if part not in {"", "."}]
        for part in parts[:-1]:
            below = here.names.get(part)
            if not isinstance(below, _Folder):
                raise FileNotFoundError(errno.ENOENT, "No such file or directory", str(path))
            here = below
        return here, parts[-1] if parts else ""


def _walk(
    folder: _Folder, names: Callable[[_Folder], dict[str, _File | _Folder]], prefix: str = ""
) -> Iterator[tuple[str, _File]]:
    for name, node in sorted(names(folder).items()):
        if isinstance(node, _Folder):
            yield from _walk(node, names, f"{prefix}/{name}")
        else:
            yield f"{prefix}/{name}", node


def _remains(file: _File, draws: random.Random) -> bytes:
    """Unsynced sectors are old or new; the length is anything between what was synced and what was written."""
    lengths = sorted((len(file.durable), len(file.data)))
    size = draws.choice((lengths[0], lengths[1], draws.randint(*lengths)))
    found = bytearray()
    for sector in range((size + SECTOR - 1) // SECTOR):
        span = slice(sector * SECTOR, (sector + 1) * SECTOR)
        old, new = file.durable[span], bytes(file.data[span])
        found += draws.choice((old, new)).ljust(SECTOR, b"\0") if sector in file.dirty else new.ljust(SECTOR, b"\0")
    return bytes(found[:size])
