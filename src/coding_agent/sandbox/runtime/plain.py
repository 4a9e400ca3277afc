"""Plain values as JSON: what crosses between the tests and code that is called in another process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_SEQUENCES: dict[str, Callable[[Any], Any]] = {"l": list, "t": tuple, "s": set, "z": frozenset}
_PLAIN: tuple[Any, ...] = (int, float, str, bytes, list, tuple, set, frozenset, dict)
_LETTERS = {kind: letter for letter, kind in _SEQUENCES.items()}


class CanNotCross(TypeError):
    """A value that is not plain."""


def pack(value: Any) -> Any:
    """A plain value as JSON. Raises CanNotCross."""
    kind = type(value)
    if value is None or kind in (bool, int, str):
        return value
    if kind is float:
        return ["f", repr(value)]
    if kind is bytes:
        return ["b", value.hex()]
    if kind in _LETTERS:
        return [_LETTERS[kind], [pack(item) for item in value]]
    if kind is dict:
        return ["d", [[pack(key), pack(item)] for key, item in value.items()]]
    for base in _PLAIN:
        if isinstance(value, base):
            # A Counter, a named tuple: what it holds is what is compared.
            return pack(base(value))
    raise CanNotCross("a %s can not cross to the tests; return plain values" % kind.__name__)


def unpack(packed: Any) -> Any:
    """The inverse of `pack`. Raises ValueError for what `pack` does not make."""
    if packed is None or type(packed) in (bool, int, str):
        return packed
    if type(packed) is list and len(packed) == 2 and type(packed[0]) is str:
        letter, body = packed
        if letter == "f":
            return float(body)
        if letter == "b":
            return bytes.fromhex(body)
        if letter == "d":
            return {unpack(key): unpack(item) for key, item in body}
        if letter in _SEQUENCES:
            return _SEQUENCES[letter]([unpack(item) for item in body])
    raise ValueError("not a packed value")
