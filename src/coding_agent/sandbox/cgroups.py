"""A control group for each sandbox, where version 2 is delegated to whoever runs this: the kernel's own count.

It bounds what counting from inside can not see: buffers of sockets and pipes, page tables, what is taken between two
looks. Where nothing is delegated there is none, and `runtime/watch.py` is all that counts.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import os
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from coding_agent.sandbox.base import SandboxSpec

NEEDED = {"memory", "pids"}
RUNTIME_BYTES, RUNTIME_TASKS = 384 << 20, 16
"""What the runtime itself, its forks and ripgrep may take on top of a call."""
PATIENCE_S = 5.0
PREFIX = "coding-agent-"
_ENTER = ("/bin/sh", "-c", 'echo 0 > "$0" && exec "$@"')
_numbers = itertools.count()

Enter = Callable[[Sequence[str]], list[str]]
"""The command that becomes the given one, in the group."""


@functools.cache
def delegated() -> Path | None:
    """Where groups can be made whose memory and processes are limited, tried out; None where nobody lets us."""
    for place in _candidates():
        with contextlib.suppress(OSError):
            if not set((place / "cgroup.subtree_control").read_text().split()) >= NEEDED:
                continue
            _sweep(place)
            group = _make(place, SandboxSpec())
            tried = subprocess.run([*_ENTER, group / "cgroup.procs", "/bin/true"], check=False, capture_output=True)
            _remove(group)
            if tried.returncode == 0:
                return place
    return None


@contextlib.contextmanager
def group(spec: SandboxSpec) -> Iterator[Enter]:
    """A group for one sandbox, with all of it gone on the way out; where none is delegated, nothing."""
    place = delegated()
    if place is None:
        yield list
        return
    made = _make(place, spec)
    try:
        yield lambda command: [*_ENTER, str(made / "cgroup.procs"), *command]
    finally:
        _remove(made)


def _candidates() -> Iterator[Path]:
    """Our own group, and the one above it: a group with processes may only have limited ones beside it."""
    lines = Path("/proc/self/mountinfo").read_text().splitlines()
    mounts = [line.split()[4] for line in lines if line.partition(" - ")[2].startswith("cgroup2 ")]
    groups = Path("/proc/self/cgroup").read_text().splitlines()
    for mount, line in itertools.product(mounts, groups):
        if line.startswith("0::/"):
            own = Path(mount, line[4:])
            yield from (own, *([own.parent] if own != Path(mount) else []))


def _make(place: Path, spec: SandboxSpec) -> Path:
    made = place / f"{PREFIX}{os.getpid()}-{next(_numbers)}"
    made.mkdir()
    memory = spec.all_memory_bytes + spec.workspace_bytes + 2 * spec.tmp_bytes + RUNTIME_BYTES
    limits = {"memory.max": memory, "pids.max": spec.processes + RUNTIME_TASKS}
    try:
        for name, value in limits.items():
            (made / name).write_text(str(value))
        if (made / "memory.swap.max").exists():
            (made / "memory.swap.max").write_text("0")
    except OSError:
        made.rmdir()
        raise
    return made


def _remove(made: Path) -> None:
    deadline = time.monotonic() + PATIENCE_S
    with contextlib.suppress(OSError):
        (made / "cgroup.kill").write_text("1")
    while True:
        try:
            made.rmdir()
        except FileNotFoundError:
            return
        except OSError:
            # Whoever was killed may still be on the way out.
            if time.monotonic() > deadline:
                return
            time.sleep(0.002)
        else:
            return


def _sweep(place: Path) -> None:
    """Remove what harnesses that were killed have left."""
    for left in place.glob(f"{PREFIX}*-*"):
        pid = left.name.removeprefix(PREFIX).partition("-")[0]
        if not Path("/proc", pid).exists():
            with contextlib.suppress(OSError):
                left.rmdir()
