"""How tools put things into words and words into bytes. Pure; does not know any tool."""

from __future__ import annotations

import re
from collections.abc import Iterable

from coding_agent.events.text import unescape

_CONTROL = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_BYTE = re.compile("[\udc80-\udcff]")


def plural(count: int, noun: str, nouns: str | None = None) -> str:
    """`1 line`, `2 lines`, `2 matches`."""
    return f"{count} {noun if count == 1 else nouns or noun + 's'}"


def line_count(data: bytes) -> int:
    """Lines, counting a last one that does not end in a newline."""
    return data.count(b"\n") + (not data.endswith(b"\n") and data != b"")


def numbered(first: int, lines: Iterable[str]) -> str:
    """Lines with their numbers, as `read_file` shows them."""
    return "\n".join(f"{number:>6}\t{line}" for number, line in enumerate(lines, first))


def visible(data: bytes) -> str:
    """Bytes as text: what is not UTF-8 becomes `\\xNN`, and so does every control character but newline and tab."""
    text = _BYTE.sub(lambda byte: f"\\x{ord(byte[0]) - 0xDC00:02x}", data.decode("utf-8", "surrogateescape"))
    return _CONTROL.sub(lambda found: _escape(ord(found[0])), text)


def to_bytes(text: str) -> bytes:
    """An argument's text as the bytes of a file. Validation has refused what UTF-8 can not carry."""
    return unescape(text).encode()


def _escape(code: int) -> str:
    return f"\\x{code:02x}" if code < 0x80 else f"\\u{code:04x}"
