"""Ending processes: everything below the runtime, which is a subreaper, and letting go of descriptors."""

from __future__ import annotations

import os
import signal
import time

PATIENCE_S = 10.0


def collect() -> bool:
    """Reap every child that has ended; False when there are no children at all."""
    while True:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                return True
        except ChildProcessError:
            return False


def kill_descendants() -> None:
    """Kill and reap every process below this one.

    Each round stops what it finds before it kills: what forks faster than it is found can not win for long.
    """
    deadline = time.monotonic() + PATIENCE_S
    while collect() and time.monotonic() < deadline:
        found = _descendants(os.getpid())
        for number in (signal.SIGSTOP, signal.SIGKILL):
            for pid in found:
                try:
                    os.kill(pid, number)
                except OSError:
                    pass
        time.sleep(0.0005)


def kill_namespace(warden: int) -> None:
    """Kill the first process of the namespace that `warden` waits for; with it the kernel kills all the others.

    They end together, and nobody looks for them meanwhile: what looks takes time from those that have to end.
    """
    below = _children(warden)
    for pid in below:
        os.kill(pid, signal.SIGKILL)
    deadline, pause = time.monotonic() + PATIENCE_S, 0.0005
    while below and os.waitpid(warden, os.WNOHANG)[0] == 0 and time.monotonic() < deadline:
        time.sleep(pause)
        pause = min(2 * pause, 0.008)


def _children(parent: int) -> list[int]:
    try:
        with open("/proc/%d/task/%d/children" % (parent, parent), "rb") as file:
            return [int(word) for word in file.read().split()]
    except OSError:
        return []


def _descendants(root: int) -> list[int]:
    below: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open("/proc/%s/stat" % name, "rb") as file:
                    parent = int(file.read().rpartition(b")")[2].split()[1])
            except OSError:
                continue
            below.setdefault(parent, []).append(int(name))
    found, waiting = [], [root]
    while waiting:
        children = below.get(waiting.pop(), [])
        found += children
        waiting += children
    return found


def close_all_but(keep: set[int]) -> None:
    """Close every descriptor above 2 except these."""
    for name in os.listdir("/proc/self/fd"):
        fd = int(name)
        if fd > 2 and fd not in keep:
            try:
                os.close(fd)
            except OSError:
                pass
