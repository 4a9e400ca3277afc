"""Watching a call from the first process of its namespace: what all its processes take together.

Limits of the kernel's own are per process or per user; where no control group is delegated, only counting tells what a
whole call takes. What is over its budget is ended by whoever asks here.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable
from typing import Any

TICK_S = 0.05
CROWD = 16
"""Tasks above which a call computes only when nobody else wants to."""
SESSIONS = 16
"""Of one call. Linux shares its time out by session, so that each more would be a part more."""
FEW = 4
"""Sessions above which they get the least part that there is."""
SHARED = 16
"""How often pages may be counted, once for each process that shares them: counting exactly takes as long as that is much."""
_STATUS = re.compile(rb"^(VmRSS|VmSwap|Threads|NSpgid|NSsid):\s+(\d+)", re.MULTILINE)
_SHARE = re.compile(rb"^(Pss|SwapPss):\s+(\d+)", re.MULTILINE)


class Watch:
    """One call's budget, and how often to look."""

    def __init__(self, config: dict[str, Any]) -> None:
        self._memory, self._tasks = config["all_memory_bytes"] >> 10, config["processes"]
        self._due_at = time.monotonic() + TICK_S
        self._counted = _Counted()

    def is_due(self) -> bool:
        return time.monotonic() >= self._due_at

    def look(self) -> str:
        """Why the call must end now, or nothing."""
        began, before = time.monotonic(), self._counted
        reason = self._reason()
        # However much there is to look at, looking takes a tenth of the time at most; counting exactly, half of it.
        now = time.monotonic()
        self._due_at = now + max(TICK_S, (9 if self._counted is before else 1) * (now - began))
        return reason

    def _reason(self) -> str:
        pids = [int(name) for name in os.listdir("/proc") if name.isdigit() and name != "1"]
        held: dict[tuple[Any, ...], int] = {}
        tasks, groups, sessions = 0, set(), {}
        for pid in pids:
            found = {key: int(value) for key, value in _STATUS.findall(_read("/proc/%d/status" % pid))}
            size = found.get(b"VmRSS", 0) + found.get(b"VmSwap", 0)
            held[(pid, size, _faults(pid))] = size
            tasks += found.get(b"Threads", 0)
            sessions[found.get(b"NSsid", 0)] = pid
            groups.add(found.get(b"NSpgid", 1))
        if tasks > self._tasks:
            return "its processes and threads were more than %d" % self._tasks
        if len(sessions) > SESSIONS:
            return "its processes were in more than %d sessions" % SESSIONS
        if tasks > CROWD:
            _step_back(groups)
        if len(sessions) > FEW:
            _step_back_together(sessions.values())
        return self._too_much(held)

    def _too_much(self, held: dict[tuple[Any, ...], int]) -> str:
        rough = sum(held.values())
        if rough > SHARED * self._memory:
            return "its processes took more than %d times %d MiB of memory together, what they share counted for each" % (
                SHARED, self._memory >> 10,
            )  # fmt: skip
        # What is shared was counted many times; the exact figure is dear, and seldom needed.
        if rough > self._memory and self._counted.at_most(held) > self._memory:
            began = time.monotonic()
            total = _exactly([pid for pid, *_ in held])
            self._counted = _Counted(held, total, until=time.monotonic() + 9 * (time.monotonic() - began))
            if self._counted.total > self._memory:
                return "its processes took more than %d MiB of memory together" % (self._memory >> 10)
        return ""


class _Counted:
    """An exact figure, and of which processes, each as it was then."""

    def __init__(self, held: Iterable[tuple[Any, ...]] = (), total: int = 0, until: float = 0.0) -> None:
        self._then, self.total, self._until = frozenset(held), total, until

    def at_most(self, held: dict[tuple[Any, ...], int]) -> float:
        """KiB that there can be now: every page that a process which took none since then has was counted then.

        Not for ever: a process can also be given pages, by writing into its memory from outside.
        """
        if time.monotonic() > self._until:
            return float("inf")
        return self.total + sum(size for process, size in held.items() if process not in self._then)


def _faults(pid: int) -> bytes:
    """A figure that no process takes a page without changing: its page faults, and when it began."""
    fields = _read("/proc/%d/stat" % pid).rpartition(b")")[2].split()
    return b" ".join((fields[7], fields[9], fields[19])) if len(fields) > 19 else b""


def _step_back(groups: Iterable[int]) -> None:
    """These process groups, each with all threads."""
    for group in groups:
        try:
            os.setpriority(os.PRIO_PGRP, group, 19)
        except OSError:
            pass


def _step_back_together(pids: Iterable[int]) -> None:
    """The sessions of these processes, as many as the kernel takes at a time; the next look goes on."""
    for pid in pids:
        place = "/proc/%d/autogroup" % pid
        if not _read(place).endswith(b"nice 19\n"):
            try:
                with open(place, "wb", buffering=0) as file:
                    file.write(b"19")
            except OSError:
                return


def _exactly(pids: list[int]) -> int:
    """KiB of memory and swap, with what is shared divided among those that share it."""
    return sum(int(size) for pid in pids for _, size in _SHARE.findall(_read("/proc/%d/smaps_rollup" % pid)))


def _read(path: str) -> bytes:
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read(1 << 16)
    except OSError:
        return b""
