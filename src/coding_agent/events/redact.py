"""Taking secrets out of values before they become events: a pure function of the value and of the secrets.

A secret is looked for in every form in which programs commonly show one (`forms`), and in pieces: whatever begins or
ends like a form for at least half of its length (three quarters of a short one) is taken out, so a text that was cut or
wrapped in the middle of a secret keeps less than that. In its place stands `[redacted:NAME]`. Where secrets come from
is not known here.
"""

from __future__ import annotations

import functools
import json
from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeVar
from urllib.parse import quote, quote_plus

import attrs

T = TypeVar("T")
SHORTEST = 8
"""Bytes of a value that is a secret. What is shorter can not be told from an everyday word."""
LONG = 24
"""Bytes from which half of a form is enough to know it by."""
_PLAIN = (int, float, bool, type(None))


@attrs.frozen
class Form:
    """One way of writing a secret, and the two ends of it that are searched for."""

    text: bytes
    head: bytes
    tail: bytes

    @classmethod
    def of(cls, text: bytes) -> Form:
        # Half of a short one may be an everyday word.
        size = (len(text) + 1) // 2 if len(text) >= LONG else max(SHORTEST, (3 * len(text) + 3) // 4)
        return cls(text, text[:size], text[-size:])


@attrs.frozen
class Secrets:
    """What must not be written down: (name, value) each. Values that are too short are left out."""

    values: tuple[tuple[str, str], ...] = attrs.field(
        default=(), repr=lambda values: repr([name for name, _ in values])
    )

    @classmethod
    def of(cls, values: Mapping[str, str]) -> Secrets:
        """From name → value."""
        return cls(tuple(sorted((name, value) for name, value in values.items() if len(_bytes(value)) >= SHORTEST)))

    def __bool__(self) -> bool:
        return bool(self.values)

    def scrub(self, value: T) -> tuple[T, int]:
        """`value` without secrets, however deep in it, and how many were taken out.

        Texts, bytes, and whatever holds them: attrs values, tuples, lists, dicts (their keys, too).
        """
        if not self.values:
            return value, 0
        marked = _marked(self.values)
        # One look at everything takes a small part of the time that a look at each text takes, and mostly is enough.
        everything = b"\0".join(_texts(value))
        if not everything:
            return value, 0
        shown = any(form.head in everything or form.tail in everything for _, written in marked for form in written)
        return _scrub(value, marked) if shown else (value, 0)


NO_SECRETS = Secrets()


def forms(secret: bytes) -> tuple[bytes, ...]:
    """Every common way of writing it, without doubles, the longest first."""
    text = secret.decode("utf-8", "surrogateescape")
    wide = text.encode("utf-16-le", "surrogatepass")
    hexadecimal = [f"{byte:02x}" for byte in secret]
    found = {
        secret, secret[::-1], text[::-1].encode("utf-8", "surrogateescape"), *_base64(secret), *_base64(wide),
        secret.hex().encode(), secret.hex().upper().encode(), wide.hex().encode(),
        *(separator.join(hexadecimal).encode() for separator in (" ", ":", "-", ", ", ",")),
        *((mark + mark.join(hexadecimal)).encode() for mark in ("\\x", "%", "\\u00")),
        ", ".join(f"0x{each}" for each in hexadecimal).encode(), ", ".join(str(byte) for byte in secret).encode(),
        quote(secret).encode(), quote(secret, safe="").encode(), quote_plus(secret).encode(),
        quote(secret, safe="").lower().encode(),
        # Without the NUL at either end both byte orders are the same.
        wide[:-1] if wide.endswith(b"\0") else wide, wide[:-1].replace(b"\0", b"\\x00"),
        repr(text)[1:-1].encode("utf-8", "surrogateescape"),
    }  # fmt: skip
    for ascii_only in (True, False):
        once = json.dumps(text, ensure_ascii=ascii_only)[1:-1]
        again = json.dumps(once, ensure_ascii=ascii_only)[1:-1]
        found |= {_bytes(each) for each in (once, again, once.replace("/", "\\/"))}
    return tuple(sorted((form for form in found if len(form) >= SHORTEST), key=lambda form: (-len(form), form)))


def _base64(data: bytes) -> set[bytes]:
    """What base64 makes of it at each of the three places where it may begin, without letters shared with others."""
    found = set()
    for before in range(3):
        encoded = b64encode(b"\0" * before + data)
        first = (before * 8 + 5) // 6
        last = (before + len(data)) * 8 // 6
        found |= {encoded[first:last], encoded[first:last].replace(b"+", b"-").replace(b"/", b"_")}
    return found


@functools.lru_cache(maxsize=16)
def _marked(values: tuple[tuple[str, str], ...]) -> tuple[tuple[bytes, tuple[Form, ...]], ...]:
    """(what is written instead, forms) of each secret. Each line of a longer one, such as a private key, counts."""
    found = []
    for name, value in values:
        lines = [line for line in value.splitlines() if len(line) >= 2 * SHORTEST and not line.startswith("-----")]
        whole = forms(_bytes(value))
        more = [form for line in lines for form in (_bytes(line),) if form not in whole]
        mark = "".join(char if char.isascii() and (char.isalnum() or char == "_") else "_" for char in name)
        found.append((f"[redacted:{mark}]".encode(), tuple(Form.of(form) for form in (*whole, *more))))
    return tuple(found)


def _texts(value: Any) -> Iterator[bytes]:
    """All that `_scrub` looks at."""
    if isinstance(value, str):
        yield _bytes(value)
    elif isinstance(value, bytes):
        yield value
    elif isinstance(value, tuple | list):
        if not (value and isinstance(value[0], int | float)):
            for each in value:
                yield from _texts(each)
    elif isinstance(value, Mapping):
        for key, item in value.items():
            yield from (*_texts(key), *_texts(item))
    elif attrs.has(type(value)):
        for name in attrs.fields_dict(type(value)):
            yield from _texts(getattr(value, name))


_Marked = tuple[tuple[bytes, tuple[Form, ...]], ...]


def _scrub(value: Any, marked: _Marked) -> tuple[Any, int]:
    if isinstance(value, str):
        data, count = _cut(_bytes(value), marked)
        return (data.decode("utf-8", "surrogatepass"), count) if count else (value, 0)
    if isinstance(value, bytes):
        return _cut(value, marked)
    if isinstance(value, _PLAIN):
        return value, 0
    if isinstance(value, tuple | list):
        # Token ids and log-probabilities: thousands of numbers, of one kind.
        if value and isinstance(value[0], int | float):
            return value, 0
        pairs = [_scrub(each, marked) for each in value]
        count = sum(each[1] for each in pairs)
        return (type(value)(each[0] for each in pairs), count) if count else (value, 0)
    if isinstance(value, Mapping):
        return _scrub_mapping(value, marked)
    if attrs.has(type(value)):
        changed = {name: _scrub(getattr(value, name), marked) for name in attrs.fields_dict(type(value))}
        count = sum(each[1] for each in changed.values())
        new = {name: each for name, (each, taken) in changed.items() if taken}
        return (attrs.evolve(value, **new), count) if count else (value, 0)
    return value, 0


def _scrub_mapping(value: Mapping[Any, Any], marked: _Marked) -> tuple[Any, int]:
    count, new = 0, {}
    for key, item in value.items():
        clean_key, in_key = _scrub(key, marked)
        new[clean_key], in_item = _scrub(item, marked)
        count += in_key + in_item
    return (new, count) if count else (value, 0)


def _cut(data: bytes, marked: _Marked) -> tuple[bytes, int]:
    """Bytes without any form of any secret, and how many places were cut."""
    spans = [
        (*span, mark)
        for mark, written in marked
        for form in written
        if form.head in data or form.tail in data
        for span in _spans(data, form)
    ]
    if not spans:
        return data, 0
    # Forms of one secret begin or end alike: what overlaps is one place.
    kept, at, count = [], 0, 0
    for start, end, mark in sorted(spans, key=lambda span: (span[0], -span[1])):
        if start >= at:
            kept += [data[at:start], mark]
            count += 1
        at = max(at, end)
    return b"".join([*kept, data[at:]]), count


def _spans(data: bytes, form: Form) -> Iterable[tuple[int, int]]:
    """Where a form stands in the data, whole or a large enough part of it from either end."""
    text, size = form.text, len(form.head)
    at = data.find(form.head)
    while at >= 0:
        end = at + size
        while end - at < len(text) and data[end : end + 1] == text[end - at : end - at + 1]:
            end += 1
        yield at, end
        at = data.find(form.head, end)
    at = data.find(form.tail)
    while at >= 0:
        end, start = at + size, at
        while end - start < len(text) and start > 0 and data[start - 1] == text[start - end - 1]:
            start -= 1
        yield start, end
        at = data.find(form.tail, end)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
