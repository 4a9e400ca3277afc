"""What two executions of the same call may differ in without being different. Version 1.

Replaced in every text before comparing, in this order:

| what | for example | becomes |
|---|---|---|
| durations | `in 0.12s`, `3.1 seconds`, `12 ms` | `<duration>` |
| memory addresses | `0x7f3a5c1d` | `<address>` |
| dates and times of day, to the second or finer | `2026-01-31T12:00:00.5Z`, `12:00:00` | `<time>` |
| temporary names | `/tmp/tmpab12cd34`, `pytest-of-agent/pytest-7` | `<temporary>` |

Not compared at all: the length and hash of what was cut out of a long text (they cover what is replaced above), and
everything that the schema marks as observational. The tree digest is compared unless the files of the same event differ
by nothing but what is replaced above.
"""

from __future__ import annotations

import re
from typing import cast

from coding_agent.events.codec import semantic
from coding_agent.events.schema import TestRun, ToolResult
from coding_agent.events.values import JSON

VERSION = 1
_UNITS = "s|ms|us|µs|ns|secs?|seconds?|milliseconds?|microseconds?"
_RULES = (
    (re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d+)?(?:Z|[+-]\d\d:?\d\d)?"), "<time>"),
    (re.compile(r"\b\d\d:\d\d:\d\d(?:[.,]\d+)?\b"), "<time>"),
    (re.compile(rf"\b\d+(?:\.\d+)?(?:e-?\d+)? ?(?:{_UNITS})\b"), "<duration>"),
    (re.compile(r"\b0x[0-9a-fA-F]{4,16}\b|\b0x\.\.\."), "<address>"),
    (re.compile(r"/tmp/tmp[.\w]{6,}|\bpytest-of-\w+/pytest-\d+"), "<temporary>"),  # noqa: S108  a pattern
)


def normalise(text: str) -> str:
    """`text` without what two executions may differ in."""
    for rule, name in _RULES:
        text = rule.sub(name, text)
    return text


def comparable(event: ToolResult | TestRun) -> dict[str, JSON]:
    """The event's semantic fields, normalised, without the tree: what an execution must give again."""
    data = cast("dict[str, JSON]", _texts(semantic(event)))
    data.pop("tree", None)
    if isinstance(data.get("changes"), dict):
        data["changes"] = {name: value for name, value in data["changes"].items() if name != "tree"}
    if "dropped" in data:
        data["dropped"] = "<something>"
    return data


def trees_comparable(recorded: ToolResult | TestRun, executed: ToolResult | TestRun) -> bool:
    """The events changed files to the very same bytes, so their trees must be the same."""
    left, right = recorded.changes, executed.changes
    return (left.files if left else ()) == (right.files if right else ())


def _texts(value: JSON) -> JSON:
    if isinstance(value, str):
        return normalise(value)
    if isinstance(value, dict):
        return {name: _texts(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_texts(item) for item in value]
    return value
