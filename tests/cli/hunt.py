"""Looks for the harness's canaries wherever a program can look, and names the places; what it looks for is not in it."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
from pathlib import Path

MARK = b"cn" + b"ry-"
SKIPPED = ("/proc", "/sys", "/usr", "/lib", "/lib64", "/lib32", "/bin", "/sbin", "/opt/python", "/dev/pts")
LARGEST = 1 << 20


def found(roots: tuple[str, ...] = ("/",)) -> list[str]:
    """Kinds of places that hold a canary: environment, argv, descriptor, file."""
    places = {"environment"} if any(MARK in value for value in os.environb.values()) else set()
    for kind, pattern in (("environment", "environ"), ("argv", "cmdline"), ("descriptor", "fd/*")):
        if any(MARK in _read(path) for path in Path("/proc").glob(f"[0-9]*/{pattern}")):
            places.add(kind)
    if any(MARK in _read(path) or MARK in os.fsencode(path) for root in roots for path in _files(root)):
        places.add("file")
    return sorted(places)


def _files(root: str) -> list[Path]:
    result = []
    for folder, names, files in os.walk(root):
        names[:] = [name for name in names if str(Path(folder, name)) not in SKIPPED]
        result += [Path(folder, name) for name in files]
    return result


def _read(path: Path) -> bytes:
    with contextlib.suppress(OSError):
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            mode = os.fstat(fd).st_mode
            if stat.S_ISREG(mode):
                return os.pread(fd, LARGEST, 0)
        finally:
            os.close(fd)
    return b""


if __name__ == "__main__":
    sys.stdout.write(f"found: {found(tuple(sys.argv[1:2]) or ('/',))}\n")
