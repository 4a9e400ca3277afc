"""The file beside a golden log: where it is, and which log it was written for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from coding_agent.errors import StoreError, StoreUnreadable

SUFFIX = ".expected.json"


def expected_file(log: Path) -> Path:
    """Where the expectation of a log is."""
    return log.with_name(log.name.removesuffix(".jsonl") + SUFFIX)


def read_expected(log: Path) -> Any:
    """What the expectation of a log holds, whatever that is. Raises StoreError for what is no JSON, StoreUnreadable."""
    file = expected_file(log)
    if file.exists() and not file.is_file():
        raise StoreUnreadable(str(file), "can not be read: not a regular file")
    try:
        return orjson.loads(file.read_bytes())
    except OSError as error:
        raise StoreUnreadable(str(file), f"can not be read: {error.strerror}") from error
    except orjson.JSONDecodeError as error:
        raise StoreError(str(file), f"is not an expectation: {error}") from error


def recorded_head(log: Path) -> str | None:
    """The head of the chain that the log had when its expectation was written; None when nothing says so."""
    try:
        found = read_expected(log)["log"]["head"]
    except (StoreError, KeyError, TypeError):
        return None
    return found if isinstance(found, str) else None
