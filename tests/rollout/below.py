"""Processes below this one, by /proc."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path


def children() -> set[str]:
    """Live children of this process, by pid."""
    found = set()
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(OSError):  # a thread that has ended
            found |= set((task / "children").read_text().split())
    return found


def ancestry() -> Iterator[list[int]]:
    """From each process below this one that has no children up to our own child."""
    parents = {}
    for place in Path("/proc").glob("[0-9]*/status"):
        with contextlib.suppress(OSError, StopIteration):
            lines = place.read_text().splitlines()
            parents[int(place.parent.name)] = int(next(line for line in lines if line.startswith("PPid:")).split()[1])
    for leaf in parents.keys() - set(parents.values()):
        chain = [leaf]
        while parents.get(chain[-1], 0) not in {0, os.getpid()}:
            chain.append(parents[chain[-1]])
        if parents.get(chain[-1]) == os.getpid():
            yield chain


def is_asleep(pid: int) -> bool:
    """It waits in `time.sleep`, and so has begun what it was told to do."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/syscall").read_text().split()[0] in {"230", "115"}
    return False
