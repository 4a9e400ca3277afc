"""Fields that this release does not know: found by path, left out for decoding, put back when the event is copied.

A newer release may add optional fields within a format version. Whoever reads them with an older one must neither fail
nor lose them.
"""

from __future__ import annotations

import re
import types
from collections.abc import Mapping
from typing import Any, get_args, get_origin, get_type_hints

import attrs

from coding_agent.events.values import JSON

Unknown = Mapping[str, JSON]
"""Dotted path (`usage.cached_tokens`, `calls[0].index`) → value."""
NOTHING: Unknown = {}
_STEP = re.compile(r"\.?([^.\[\]]+)|\[(\d+)\]")


def split(cls: type[Any], data: JSON) -> tuple[JSON, Unknown]:
    """`data` without what is not a field of `cls` or of the values in it, and what that was."""
    found: dict[str, JSON] = {}
    return _known(cls, data, "", found), found


def graft(data: dict[str, JSON], unknown: Unknown) -> dict[str, JSON]:
    """`data` with the unknown fields where they were; values that were left out as defaults are made room for."""
    whole = data
    for path, value in unknown.items():
        whole = _put(whole, _steps(path), value)
    return whole


def _known(hint: Any, value: JSON, path: str, found: dict[str, JSON]) -> JSON:
    if isinstance(hint, types.UnionType):
        hint = next((arg for arg in get_args(hint) if attrs.has(arg)), hint)
    if attrs.has(hint) and isinstance(value, dict):
        hints = get_type_hints(hint)
        fields = attrs.fields_dict(hint)
        found.update({f"{path}.{name}".lstrip("."): item for name, item in value.items() if name not in fields})
        return {n: _known(hints[n], item, f"{path}.{n}".lstrip("."), found) for n, item in value.items() if n in fields}
    if get_origin(hint) is tuple and isinstance(value, list):
        return [_known(get_args(hint)[0], item, f"{path}[{i}]", found) for i, item in enumerate(value)]
    return value


def _steps(path: str) -> list[str | int]:
    return [int(index) if index else name for name, index in _STEP.findall(path)]


def _put(whole: JSON, steps: list[str | int], value: JSON) -> JSON:
    step, rest = steps[0], steps[1:]
    if isinstance(step, int):
        return [_put(item, rest, value) if i == step else item for i, item in enumerate(whole)]
    below = _put(whole.get(step, {}), rest, value) if rest else value
    return {**whole, step: below}
