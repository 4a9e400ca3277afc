"""Group commit: one thread makes the appended lines of all open logs durable together, every 50 ms.

Lives as long as the process and belongs to no event loop, so a trainer that starts a new loop at each step keeps it.
"""

from __future__ import annotations

import functools
import os
import threading
import time
from typing import Protocol

INTERVAL_S = 0.05


class Syncable(Protocol):
    """Something whose written bytes can be made durable. `sync` must not raise; it poisons itself instead."""

    def sync(self) -> None: ...


class GroupSyncer:
    """Call `mark` after each write; every marked log is synced within about `INTERVAL_S`."""

    def __init__(self) -> None:
        self._dirty: dict[int, Syncable] = {}
        self._wake = threading.Condition()
        self._thread: threading.Thread | None = None

    def mark(self, log: Syncable) -> None:
        # A log in `_dirty` is synced after `_run` has put another dict there, so after this call: no lock is needed.
        if id(log) in self._dirty:
            return
        with self._wake:
            if self._is_running():
                self._dirty[id(log)] = log
                self._wake.notify()
                return
        # Later is not possible, so now. The next mark tries again.
        log.sync()

    def _is_running(self) -> bool:
        if self._thread is None or not self._thread.is_alive():
            thread = threading.Thread(target=self._run, name="coding-agent-syncer", daemon=True)
            try:
                thread.start()
            except RuntimeError:
                # The host starts no thread: a limit on processes, or no memory.
                return False
            self._thread = thread
        return True

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._dirty:
                    self._wake.wait()
            time.sleep(INTERVAL_S)
            with self._wake:
                logs, self._dirty = list(self._dirty.values()), {}
            for log in logs:
                log.sync()
            # A log that nobody else holds must not live on in this thread's frame until the next write.
            logs.clear()


@functools.cache
def group_syncer() -> GroupSyncer:
    """The process's one syncer."""
    return GroupSyncer()


# In a forked child its lock may be held by a thread that is not there.
os.register_at_fork(after_in_child=group_syncer.cache_clear)
