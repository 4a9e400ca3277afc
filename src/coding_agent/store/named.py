"""The blobs that a log names: checked as its lines go by, each once, in constant memory."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

import attrs

from coding_agent.errors import LogDamaged, StoreError, StoreUnreadable
from coding_agent.events.line import Record
from coding_agent.events.values import JSON
from coding_agent.store.blobs import BlobStore

BLOB_NAME = re.compile(r"[0-9a-f]{64}")
REMEMBERED = 1 << 16
"""Names of blobs that were seen, at most; after that they are looked at again, and counted again."""


@attrs.frozen(kw_only=True)
class BlobProblem:
    """A blob that is not there, not what its name says, or not to be read."""

    file: str
    condition: Literal["missing", "damaged", "unreadable"]
    what: str
    line: int
    """Of the log; the first that names it."""


@attrs.define
class BlobCheck:
    """Give it each record of one or more logs; it looks at each blob when it is first named."""

    store: BlobStore
    there: bool
    """False: nothing says where the blobs are, so they are counted and not looked for."""
    intact: int = 0
    unchecked: int = 0
    wrong: int = 0
    """How often one that is gone or changed was named."""
    _seen: dict[str, bool] = attrs.field(factory=dict)
    """Whether it is wrong."""

    def problems(self, record: Record) -> Iterator[BlobProblem]:
        """What is wrong with the blobs that this record is the first to name."""
        changes = record.data.get("changes") if isinstance(record.data, dict) else None
        for name in () if changes is None else blobs_in(changes):
            if name in self._seen:
                self.wrong += self._seen[name]
                continue
            if len(self._seen) == REMEMBERED:
                self._seen.clear()
            found = self.store.problem(name) if self.there else None
            self._seen[name] = found is not None
            self.unchecked += not self.there
            self.intact += self.there and found is None
            if found is not None:
                self.wrong += 1
                condition, what = found
                file = str(self.store.directory / name)
                yield BlobProblem(file=file, condition=condition, what=what, line=record.seq + 1)

    def require(self, record: Record, log: str) -> None:
        """Raises LogDamaged for a blob that was changed, StoreUnreadable, StoreError for one that is gone."""
        errors = {"damaged": LogDamaged, "unreadable": StoreUnreadable, "missing": StoreError}
        for found in self.problems(record):
            raise errors[found.condition](found.file, f"{found.what}; line {found.line} of {log} names it")


def blobs_in(data: JSON) -> Iterator[str]:
    """The blobs that an event's data names, wherever: those of an event of a later release too."""
    left = [data]  # not by recursion: what is only verified may be nested as deep as the JSON parser allows
    while left:
        item = left.pop()
        if isinstance(item, dict):
            name = item.get("blob")
            if isinstance(name, str) and BLOB_NAME.fullmatch(name):
                yield name
            left += item.values()
        elif isinstance(item, list):
            left += item
