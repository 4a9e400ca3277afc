"""Logs as another release would have written them: some fields changed, states and chain in order."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import attrs

from coding_agent.store.reader import read_events
from coding_agent.store.writer import LogWriter


def rewrite(
    source: Path, target: Path, kind: type[Any], *, where: Callable[[Any], bool] = lambda _: True, **changes: Any
) -> Path:
    """Copy a log; events of `kind` that fit get `changes`."""
    with LogWriter.create(target) as log:
        for event in read_events(source):
            log.append(attrs.evolve(event, **changes) if isinstance(event, kind) and where(event) else event)
    return target
