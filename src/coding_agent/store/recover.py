"""Cutting a torn tail. Damage is never touched."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import attrs

from coding_agent.errors import LogDamaged, LogIncompatible, StoreError
from coding_agent.store.reader import LogReport, verify
from coding_agent.store.writer import lock, sync_directory


@attrs.frozen(kw_only=True)
class Recovery:
    """What `recover` did. `original` is None when there was nothing to do."""

    report: LogReport
    """Of the log as it is now."""
    original: Path | None
    cut_bytes: int


def recover(path: Path) -> Recovery:
    """Cut the torn tail of a log and keep the original beside it as `<name>.torn`, `.torn.1` …

    Raises LogDamaged, LogIncompatible or StoreError (missing) and then changes nothing; LogLocked while it is written.
    """
    before = verify(path)
    if before.condition in {"sealed", "incomplete"}:
        return Recovery(report=before, original=None, cut_bytes=0)
    problem = before.problem or before.condition
    if before.condition == "damaged":
        raise LogDamaged(str(path), problem, line=before.line, byte=before.byte)
    if before.condition == "incompatible":
        raise LogIncompatible(str(path), problem)
    if before.condition == "missing":
        raise StoreError(str(path), problem)
    fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    lock(fd, path)
    try:
        original = _set_aside(path)
        size = os.fstat(fd).st_size
        keep = before.byte or 0
        os.ftruncate(fd, keep)
        os.fsync(fd)
    finally:
        os.close(fd)
    sync_directory(path.parent)
    return Recovery(report=verify(path), original=original, cut_bytes=size - keep)


def _set_aside(path: Path) -> Path:
    number = 0
    while True:
        target = path.with_name(path.name + ".torn" + (f".{number}" if number else ""))
        try:
            with target.open("xb") as copy, path.open("rb") as source:
                shutil.copyfileobj(source, copy)
                copy.flush()
                os.fsync(copy.fileno())
        except FileExistsError:
            number += 1
        else:
            return target
