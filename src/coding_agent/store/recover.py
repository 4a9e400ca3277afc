"""Cutting a torn tail. Damage is never touched, and what is cut is kept."""

from __future__ import annotations

import shutil
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO, cast

import attrs

from coding_agent.errors import LogDamaged, StoreUnreadable, StoreUnwritable
from coding_agent.store.disk import REAL_DISK, Disk, real_path, write_all
from coding_agent.store.known import Manifests
from coding_agent.store.reader import LogReport, examine, verify
from coding_agent.store.writer import lock, release


@attrs.frozen(kw_only=True)
class Recovery:
    """What `recover` did. `original` is None when there was nothing to do."""

    report: LogReport
    """Of the log as it is now."""
    original: Path | None
    cut_bytes: int


def recover(path: Path, *, disk: Disk = REAL_DISK) -> Recovery:
    """Cut the torn tail of a log and keep the original beside it as `<name>.torn`, `.torn.1` …

    Raises LogDamaged, LogIncompatible or StoreError (missing, not readable or writable) and then changes nothing;
    LogLocked while it is written. A log that the run's manifest says was sealed can not be torn: it is damaged.
    One that a damaged manifest may have named is not cut either.
    """
    if path.is_symlink():
        path = real_path(path)
    before = _cuttable(path, disk)
    if before.condition != "torn":
        return Recovery(report=before, original=None, cut_bytes=0)
    fd = _open(disk, path)
    lock(disk, fd, path)
    try:
        # A writer may have gone on and ended between the look and the lock.
        before = _cuttable(path, disk)
        cut = disk.size(fd) - (before.byte or 0)
        if before.condition != "torn" or cut == 0:
            return Recovery(report=before, original=None, cut_bytes=0)
        original = cut_tail(disk, fd, path, keep=before.byte or 0)
    except OSError as error:
        raise StoreUnwritable(str(path), f"can not be recovered: {error.strerror}; nothing was changed") from error
    finally:
        release(disk, fd)
    return Recovery(report=verify(path, disk=disk), original=original, cut_bytes=cut)


def cut_tail(disk: Disk, fd: int, path: Path, *, keep: int) -> Path:
    """Keep the first `keep` bytes of a locked file; the whole is copied aside, durably, before. Raises StoreError."""
    try:
        original = _set_aside(disk, path)
        disk.truncate(fd, keep)
        disk.sync(fd)
    except OSError as error:
        reason = error.strerror or str(error)
        message = f"can not be recovered: {reason}; nothing is lost, try again elsewhere"
        raise StoreUnwritable(str(path), message) from error
    return original


def _cuttable(path: Path, disk: Disk) -> LogReport:
    report, error = examine(path, disk=disk)
    if error is None:
        return report
    if report.condition != "torn":
        raise error
    index, listed = Manifests(disk).about(path)
    if listed is not None:
        sealed = f"it was sealed with {listed.entry.events} events, as the manifest says ({listed.place})"
        message = f"{sealed}; restore it from a copy: {error.what}"
        raise LogDamaged(str(path), message, line=report.line, byte=report.byte) from error
    if index is not None and isinstance(stop := index.stop, LogDamaged):
        message = f"whether {path} was sealed can not be known, so it was not cut: {stop.what}"
        raise LogDamaged(stop.file, message, line=stop.line, byte=stop.byte) from stop
    if index is not None and isinstance(index.stop, StoreUnreadable):
        raise index.stop
    return report


def _open(disk: Disk, path: Path) -> int:
    try:
        return disk.open(path)
    except OSError as error:
        message = f"can not be recovered here: {error.strerror}; nothing was changed: recover a copy"
        raise StoreUnwritable(str(path), message) from error


def _set_aside(disk: Disk, path: Path) -> Path:
    number = 0
    while True:
        target = path.with_name(path.name + ".torn" + (f".{number}" if number else ""))
        try:
            fd = disk.create(target)
        except FileExistsError:
            number += 1
            continue
        try:
            try:
                with disk.read(path) as source:
                    shutil.copyfileobj(source, cast("BinaryIO", _Appending(disk, fd)))
                disk.sync(fd)
            finally:
                disk.close(fd)
            disk.sync_directory(path.parent)
        except (OSError, KeyboardInterrupt):
            # A part of the original would be taken for the whole.
            with suppress(OSError):
                disk.remove(target)
            raise
        return target


@attrs.frozen
class _Appending:
    disk: Disk
    fd: int

    def write(self, data: bytes) -> int:
        write_all(self.disk, self.fd, data)
        return len(data)
