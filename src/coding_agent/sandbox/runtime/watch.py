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
_STATUS = re.compile(rb"^(VmRSS|VmSwap|Threads|NSpgid|NSsid):\s+(\d+)", re.MULTILINE)
_SHARE = re.compile(rb"^(Pss|SwapPss):\s+(\d+)", re.MULTILINE)


class Watch:
    """One call's budget, and how often to look."""

    def __init__(self, config: dict[str, Any]) -> None:
        self._memory, self._tasks = config["all_memory_bytes"], config["processes"]
        self._due_at = time.monotonic() + TICK_S

    def is_due(self) -> bool:
        return time.monotonic() >= self._due_at

    def look(self) -> str:
        """Why the call must end now, or nothing."""
        began = time.monotonic()
        reason = self._reason()
        # However much there is to look at, looking takes a tenth of the time at most.
        now = time.monotonic()
        self._due_at = now + max(TICK_S, 9 * (now - began))
        return reason

    def _reason(self) -> str:
        pids = [int(name) for name in os.listdir("/proc") if name.isdigit() and name != "1"]
        rough, tasks, groups, sessions = 0, 0, set(), {}
        for pid in pids:
            found = {key: int(value) for key, value in _STATUS.findall(_read("/proc/%d/status" % pid))}
            rough += found.get(b"VmRSS", 0) + found.get(b"VmSwap", 0)
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
        # What is shared was counted many times; the exact figure is dear, and seldom needed.
        if rough << 10 > self._memory and _exactly(pids) << 10 > self._memory:
            return "its processes took more than %d MiB of memory together" % (self._memory >> 20)
        return ""


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
