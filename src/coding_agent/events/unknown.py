"""Fields that this release does not know: found by path, left out for decoding, put back when the event is copied.

A newer release may add optional fields within a format version. Whoever reads them with an older one must neither fail
nor lose them.
"""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import Any, get_args, get_origin, get_type_hints

import attrs

from coding_agent.events.values import JSON

Step = str | int
Unknown = Mapping[tuple[Step, ...], JSON]
"""Names and positions from the event to the field → value. When it is written again, it comes last in its object."""
NOTHING: Unknown = {}


def split(cls: type[Any], data: JSON) -> tuple[JSON, Unknown]:
    """`data` without what is not a field of `cls` or of the values in it, and what that was."""
    found: dict[tuple[Step, ...], JSON] = {}
    return _known(cls, data, (), found), found


def graft(data: dict[str, JSON], unknown: Unknown) -> dict[str, JSON]:
    """`data` with the unknown fields where they were; values that were left out as defaults are made room for."""
    whole = data
    for path, value in unknown.items():
        whole = _put(whole, path, value)
    return whole


def dotted(path: tuple[Step, ...]) -> str:
    """A path for people: `usage.cached_tokens`, `calls[0].index`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).lstrip(".")


def _known(hint: Any, value: JSON, path: tuple[Step, ...], found: dict[tuple[Step, ...], JSON]) -> JSON:
    if isinstance(hint, types.UnionType):
        hint = next((arg for arg in get_args(hint) if attrs.has(arg)), hint)
    if attrs.has(hint) and isinstance(value, dict):
        hints = get_type_hints(hint)
        fields = attrs.fields_dict(hint)
        found.update({(*path, name): item for name, item in value.items() if name not in fields})
        return {name: _known(hints[name], item, (*path, name), found) for name, item in value.items() if name in fields}
    if get_origin(hint) is tuple and isinstance(value, list):
        return [_known(get_args(hint)[0], item, (*path, i), found) for i, item in enumerate(value)]
    return value


def _put(whole: JSON, path: tuple[Step, ...], value: JSON) -> JSON:
    step, rest = path[0], path[1:]
    if isinstance(step, int):
        return [_put(item, rest, value) if i == step else item for i, item in enumerate(whole)]
    below = _put(whole.get(step, {}), rest, value) if rest else value
    return {**whole, step: below}
