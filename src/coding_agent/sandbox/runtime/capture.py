"""Bounded capture: both ends of an endless output, its length and its hash, in constant memory."""

from __future__ import annotations

import hashlib
from typing import Any


class Capture:
    """Keeps the first and the last half of `limit` bytes. Every `hidden` (a host's path) is taken out before all else."""

    def __init__(self, limit: int, hidden: bytes = b"") -> None:
        self._half = max(1, limit // 2)
        self._hidden, self._held = hidden, b""
        self._head = b""
        self._tail = bytearray()
        self._total = 0
        self._sha = hashlib.sha256()

    def feed(self, data: bytes) -> None:
        if self._hidden:
            data = (self._held + data).replace(self._hidden, b"")
            keep = self._started(data)
            data, self._held = data[: len(data) - keep], data[len(data) - keep :]
        self._store(data)

    def _started(self, data: bytes) -> int:
        """How many last bytes may be the beginning of what is hidden."""
        longest = min(len(self._hidden) - 1, len(data))
        return next((size for size in range(longest, 0, -1) if data.endswith(self._hidden[:size])), 0)

    def _store(self, data: bytes) -> None:
        self._sha.update(data)
        self._total += len(data)
        room = self._half - len(self._head)
        if room > 0:
            self._head += data[:room]
            data = data[room:]
        self._tail += data
        if len(self._tail) > 4 * self._half:
            del self._tail[: -self._half]

    def result(self) -> dict[str, Any]:
        self._store(self._held)
        self._held = b""
        return {
            "head": self._head,
            "tail": bytes(self._tail[-self._half :]),
            "total_bytes": self._total,
            "sha256": self._sha.hexdigest(),
        }


class Kept:
    """Keeps everything up to `limit` bytes, and forgets the rest."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.data = bytearray()

    def feed(self, data: bytes) -> None:
        self.data += data[: self._limit - len(self.data)]
