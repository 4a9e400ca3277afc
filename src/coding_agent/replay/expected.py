"""The file beside a golden log: where it is, and which log it was written for."""

from __future__ import annotations

from pathlib import Path

import orjson

SUFFIX = ".expected.json"


def expected_file(log: Path) -> Path:
    """Where the expectation of a log is."""
    return log.with_name(log.name.removesuffix(".jsonl") + SUFFIX)


def recorded_head(log: Path) -> str | None:
    """The head of the chain that the log had when its expectation was written; None when nothing says so."""
    try:
        found = orjson.loads(expected_file(log).read_bytes())["log"]["head"]
    except (OSError, orjson.JSONDecodeError, KeyError, TypeError):
        return None
    return found if isinstance(found, str) else None
