"""Reading a TOML table strictly: each key known, each value of its type, each error with file, key, expected, found."""

from __future__ import annotations

import difflib
from typing import Any

from coding_agent.errors import TaskError


class Fields:
    """One table of one file."""

    def __init__(self, file: str, table: Any, prefix: str, known: tuple[str, ...]) -> None:
        self.file, self.prefix = file, prefix
        if not isinstance(table, dict):
            raise TaskError(file, prefix.rstrip("."), "a table", "nothing" if table is None else repr(table))
        self.table = table
        for key in table:
            if key not in known:
                near = difflib.get_close_matches(key, known, n=1)
                hint = f" (did you mean {near[0]}?)" if near else ""
                raise TaskError(file, prefix + key, "one of " + ", ".join(known), f"an unknown key{hint}")

    def fail(self, key: str, expected: str, found: object) -> TaskError:
        return TaskError(self.file, self.prefix + key, expected, found)

    def text(self, key: str) -> str:
        value = self.table.get(key)
        if not isinstance(value, str) or not value.strip():
            raise self.fail(key, "text", "nothing" if value is None else repr(value))
        return value

    def texts(self, key: str, default: tuple[str, ...] | None = None) -> tuple[str, ...]:
        value = self.table.get(key)
        if value is None and default is not None:
            return default
        if not isinstance(value, list) or not all(isinstance(each, str) and each for each in value):
            raise self.fail(key, "a list of text", "nothing" if value is None else repr(value))
        return tuple(value)

    def integer(self, key: str, low: int, high: int, default: int | None = None) -> int:
        value = self.table.get(key, default)
        if type(value) is not int or not low <= value <= high:
            raise self.fail(key, f"an integer from {low} to {high}", "nothing" if value is None else repr(value))
        return value

    def seconds(self, key: str, default: float) -> float:
        value = self.table.get(key, default)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 86400:
            raise self.fail(key, "seconds, above 0 and at most 86400", repr(value))
        return float(value)
