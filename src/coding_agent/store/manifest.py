"""The manifest: a chained line per sealed episode. An index that notices a missing file or tail, never the truth."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import attrs
import cattrs
import orjson

from coding_agent.errors import LogDamaged, LogTorn, StoreError, WriterPoisoned
from coding_agent.events.values import JSON
from coding_agent.store.writer import lock, sync_directory

SEED = hashlib.sha256(b"coding-agent manifest v1\n").hexdigest()
_TAIL = len(',"chain":""}\n') + 64


@attrs.frozen(kw_only=True)
class Entry:
    """One sealed episode. `path` is relative to the run directory."""

    at: str
    episode: str
    path: str
    task: str
    sample: int
    attempt: int
    events: int
    head: str
    semantic_digest: str
    summary: dict[str, JSON]
    """For people and filters: `reason`, `turns`, `graded`, `passed`."""
    step: int | None = None
    group: str | None = None


class Manifest:
    """The manifest of one run directory, open for appending by one process."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._chain = SEED
        self._one_at_a_time = threading.Lock()
        self._failure: OSError | None = None
        fd = os.open(path, os.O_CREAT | os.O_RDWR | os.O_APPEND | os.O_CLOEXEC, 0o644)
        lock(fd, path)
        self._fd = fd
        try:
            for _, self._chain in _lines(path):
                pass
        except StoreError:
            os.close(fd)
            raise

    def append(self, entry: Entry, *, durable: bool = True) -> None:
        """Thread-safe: each line's hash needs the line before it. Raises WriterPoisoned after any I/O error."""
        with self._one_at_a_time:
            self._append(entry, durable=durable)

    def _append(self, entry: Entry, *, durable: bool) -> None:
        head = orjson.dumps(attrs.asdict(entry))[:-1]
        chain = hashlib.sha256(self._chain.encode() + head).hexdigest()
        raw = head + b',"chain":"' + chain.encode() + b'"}\n'
        try:
            if self._failure is None and os.write(self._fd, raw) != len(raw):
                self._failure = OSError("short write")
            if self._failure is None and durable:
                os.fdatasync(self._fd)
                sync_directory(self.path.parent)
        except OSError as error:
            self._failure = error
        if self._failure is not None:
            message = f"writing failed for good: {self._failure}; the logs are intact"
            raise WriterPoisoned(str(self.path), message) from self._failure
        self._chain = chain

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


def read_manifest(path: Path) -> Iterator[Entry]:
    """Each entry in order. Raises LogTorn or LogDamaged at the first line that is not what was written."""
    for entry, _ in _lines(path):
        yield entry


def _lines(path: Path) -> Iterator[tuple[Entry, str]]:
    chain, offset = SEED, 0
    with path.open("rb") as stream:
        for number, raw in enumerate(stream, start=1):
            if not raw.endswith(b"\n"):
                raise LogTorn(str(path), "the last line was never completely written", line=number, byte=offset)
            expected = hashlib.sha256(chain.encode() + raw[:-_TAIL]).hexdigest()
            try:
                body = orjson.loads(raw)
                if body.pop("chain") != expected:
                    raise ValueError("the chain does not fit")  # noqa: TRY301  all that is wrong is reported alike
                entry = cattrs.structure(body, Entry)
            except Exception as error:
                raise LogDamaged(str(path), f"not what was written: {error}", line=number, byte=offset) from error
            chain, offset = expected, offset + len(raw)
            yield entry, chain
