"""What people read goes to stderr, through rich; with `--json` stdout gets one JSON document and nothing else."""

from __future__ import annotations

import sys
from typing import Any

import attrs
import orjson
from rich.console import Console

out = Console(highlight=False, soft_wrap=True)
"""For what was asked for, when it was not asked for as JSON."""
wide = Console(highlight=False, width=240)
"""The same for tables whose columns are kept whole, however narrow the terminal: a cut name says nothing."""
err = Console(stderr=True, highlight=False, soft_wrap=True)


def print_json(value: Any) -> None:
    """One JSON document on stdout."""
    sys.stdout.buffer.write(orjson.dumps(_plain(value), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    sys.stdout.flush()


def _plain(value: Any) -> Any:
    if attrs.has(type(value)):
        return {name: _plain(getattr(value, name)) for name in attrs.fields_dict(type(value))}
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if isinstance(value, str | int | float | bool | None) else str(value)
