"""What a damaged manifest still says, line by line: so that rebuilding it does not make torn what was sealed."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path

import attrs
import cattrs
import orjson

from coding_agent.events.line import MAX_LINE
from coding_agent.store.disk import REAL_DISK, Disk, not_read
from coding_agent.store.manifest import SEED, Entry, manifest_line

NAMES = tuple(attrs.fields_dict(Entry))


@attrs.frozen(kw_only=True)
class Salvaged:
    """One line of a manifest whose chain is broken."""

    entry: Entry | None
    """None: the line is no entry any more."""
    fits: bool
    """The chain fits the line before, so that every byte is as it was written."""


def salvage(path: Path, *, disk: Disk = REAL_DISK) -> Iterator[Salvaged]:
    """Each line, whatever is before it. Raises StoreError."""
    try:
        with disk.read(path) as stream:
            chain = SEED
            for raw in iter(functools.partial(stream.readline, MAX_LINE + 1), b""):
                try:
                    # By their order: of a line with a changed key the path is still known.
                    *values, after = orjson.loads(raw).values()
                    entry = cattrs.structure(dict(zip(NAMES, values, strict=True)), Entry)
                except Exception:  # noqa: BLE001  whatever is not an entry, is none
                    yield Salvaged(entry=None, fits=False)
                    continue
                yield Salvaged(entry=entry, fits=manifest_line(entry, chain)[0] == raw)
                chain = str(after)
    except OSError as error:
        raise not_read(path, error) from error
