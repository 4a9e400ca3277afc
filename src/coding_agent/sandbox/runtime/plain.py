"""Plain values as JSON: what crosses between the tests and code that is called in another process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

_LARGE = 1 << 63
"""JSON knows of no bound, but Python reads and writes no more than 4300 decimal digits."""
_SEQUENCES: dict[str, Callable[[Any], Any]] = {"l": list, "t": tuple, "s": set, "z": frozenset}
_EVERYTHING = slice(None)
_PLAIN: dict[Any, Callable[[Any], Any]] = {
    int: int.__int__,
    float: float.__float__,
    str: str.__str__,
    bytes: lambda value: bytes(memoryview(value)),
    list: lambda value: list.__getitem__(value, _EVERYTHING),
    tuple: lambda value: tuple.__getitem__(value, _EVERYTHING),
    set: lambda value: set(set.__iter__(value)),
    frozenset: lambda value: frozenset(frozenset.__iter__(value)),
    dict: lambda value: dict(dict.items(value)),
}
"""What is held by a value of a subclass, whatever that one says of itself: an `Enum` of texts has a `str` of its own."""
_LETTERS = {kind: letter for letter, kind in _SEQUENCES.items()}


class CanNotCross(TypeError):
    """A value that is not plain."""


def pack(value: Any) -> Any:
    """A plain value as JSON. Raises CanNotCross."""
    kind = type(value)
    if kind is int and abs(value) >= _LARGE:
        return ["i", "%x" % value]
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
    for base, held in _PLAIN.items():
        if isinstance(value, base):
            # A Counter, a named tuple: what it holds is what is compared.
            return pack(held(value))
    raise CanNotCross("a %s can not cross to the tests; return plain values" % kind.__name__)


def unpack(packed: Any) -> Any:
    """The inverse of `pack`. Raises ValueError for what `pack` does not make."""
    if packed is None or type(packed) in (bool, int, str):
        return packed
    if type(packed) is list and len(packed) == 2 and type(packed[0]) is str:
        letter, body = packed
        if letter == "i":
            return int(body, 16)
        if letter == "f":
            return float(body)
        if letter == "b":
            return bytes.fromhex(body)
        if letter == "d":
            return {unpack(key): unpack(item) for key, item in body}
        if letter in _SEQUENCES:
            return _SEQUENCES[letter]([unpack(item) for item in body])
    raise ValueError("not a packed value")
