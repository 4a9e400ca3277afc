"""The one edge between the store and the operating system: every call that touches a disk is a method here.

Faults and power loss are played here, at each call. No method tries anything again, and `write` may write less than it
was given: what that means is the caller's to decide.
"""

from __future__ import annotations

import errno
import fcntl
import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, Protocol

from coding_agent.errors import StoreError, StoreUnreadable
from coding_agent.store.syncer import Syncable, group_syncer

NOT_A_FILE = "not a regular file"
_APPEND = os.O_APPEND | os.O_CLOEXEC
_LOST = {errno.ENOENT, errno.ENOTDIR, errno.EIO, errno.EBADMSG, errno.EUCLEAN}
"""It is not there, or the medium does not give it back; all else that is refused may be granted another time."""


class Disk(Protocol):
    """What the store needs of a file system. Every method raises OSError for what the system refuses."""

    def create(self, path: Path) -> int:
        """A new file, open for appending. Raises FileExistsError."""

    def open(self, path: Path) -> int:
        """An existing file, open for appending and truncating. Raises FileNotFoundError."""

    def lock(self, fd: int) -> bool:
        """Take the file's one lock, held until `close`; False when somebody else has it."""

    def write(self, fd: int, data: bytes) -> int:
        """Append once; says how many bytes were written."""

    def sync(self, fd: int) -> None:
        """Make the content durable. After an error nothing is known of what was not yet durable."""

    def sync_soon(self, log: Syncable) -> None:
        """Have `log.sync()` called within `syncer.INTERVAL_S`, together with those of other logs. Never raises."""

    def size(self, fd: int) -> int: ...

    def truncate(self, fd: int, size: int) -> None: ...

    def close(self, fd: int) -> None: ...

    def read(self, path: Path) -> BinaryIO:
        """The content, as a stream."""

    def exists(self, path: Path) -> bool:
        """False, too, where the system does not let it be looked for."""

    def make_directory(self, path: Path) -> None:
        """One directory. Raises FileExistsError."""

    def rename(self, source: Path, target: Path) -> None:
        """Atomic; replaces `target`."""

    def remove(self, path: Path) -> None: ...

    def sync_directory(self, path: Path) -> None:
        """Make the names in a directory durable."""


class RealDisk:
    """The file system of this host."""

    def create(self, path: Path) -> int:
        return os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR | _APPEND, 0o644)

    def open(self, path: Path) -> int:
        return os.open(path, os.O_RDWR | _APPEND)

    def lock(self, fd: int) -> bool:
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def write(self, fd: int, data: bytes) -> int:
        return os.write(fd, data)

    def sync(self, fd: int) -> None:
        os.fdatasync(fd)

    def sync_soon(self, log: Syncable) -> None:
        group_syncer().mark(log)

    def size(self, fd: int) -> int:
        return os.fstat(fd).st_size

    def truncate(self, fd: int, size: int) -> None:
        os.ftruncate(fd, size)

    def close(self, fd: int) -> None:
        os.close(fd)

    def read(self, path: Path) -> BinaryIO:
        # Opening a pipe would wait for somebody who writes into it.
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise OSError(errno.EINVAL, NOT_A_FILE, str(path))
        return os.fdopen(fd, "rb")

    def exists(self, path: Path) -> bool:
        return os.path.exists(path)  # noqa: PTH110  a Path raises for a folder that may not be searched

    def make_directory(self, path: Path) -> None:
        path.mkdir()

    def rename(self, source: Path, target: Path) -> None:
        source.rename(target)

    def remove(self, path: Path) -> None:
        path.unlink()

    def sync_directory(self, path: Path) -> None:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


REAL_DISK: Disk = RealDisk()


def not_read(path: Path, error: OSError) -> StoreError:
    """What to raise for a file that could not be read: StoreUnreadable unless it is gone, broken, or no file."""
    is_lost = error.errno in _LOST or error.strerror == NOT_A_FILE
    cls = StoreError if is_lost else StoreUnreadable
    return cls(str(path), f"can not be read: {error.strerror or error}")


def real_path(path: Path) -> Path:
    """Without symbolic links, as far as there are no circles in them, for which `Path.resolve` raises RuntimeError."""
    return Path(os.path.realpath(path))


def write_all(disk: Disk, fd: int, data: bytes) -> None:
    """One write of everything. Raises OSError for a short one: what is there then has no end."""
    written = disk.write(fd, data)
    if written != len(data):
        raise OSError(f"short write: {written} of {len(data)} bytes")


def make_directories(disk: Disk, path: Path) -> None:
    """`path` and its parents, each durable in the directory above it when this one had to make it."""
    if disk.exists(path):
        return
    make_directories(disk, path.parent)
    with suppress(FileExistsError):
        disk.make_directory(path)
    disk.sync_directory(path.parent)


def write_file(disk: Disk, path: Path, data: bytes) -> None:
    """The whole file or none of it, durable under its name: written beside it, synced, renamed, directory synced."""
    new = path.with_name(f".new-{secrets.token_hex(8)}")
    fd = disk.create(new)
    try:
        try:
            # A file larger than one write may be is written in pieces; a piece that makes no progress is an error.
            view = memoryview(data)
            while view:
                written = disk.write(fd, bytes(view[: 1 << 30]))
                if written == 0:
                    raise OSError(f"short write: {len(view)} of {len(data)} bytes are left")
                view = view[written:]
            disk.sync(fd)
        finally:
            disk.close(fd)
        disk.rename(new, path)
    except (OSError, KeyboardInterrupt):
        with suppress(OSError):
            disk.remove(new)
        raise
    disk.sync_directory(path.parent)
