"""Making outside text representable: a log is strict UTF-8, the outside world is not.

A lone surrogate (as `os.fsdecode` makes of a byte that is not UTF-8) becomes U+FDD0, a noncharacter, followed by the
surrogate's four hexadecimal digits; U+FDD0 itself is escaped the same way, so `unescape(escape(s)) == s` for every str.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

_MARK = "\ufdd0"
_UNSAFE = re.compile("[\ud800-\udfff\ufdd0]")
_ESCAPES = {code: f"{_MARK}{code:04x}" for code in (*range(0xD800, 0xE000), ord(_MARK))}
_ESCAPED = re.compile("\ufdd0([0-9a-f]{4})")
_ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{4,16}\b")


def escape(text: str) -> str:
    """`text` with whatever UTF-8 cannot hold escaped reversibly."""
    # Names of files can be millions of such characters: a function called for each would take seconds.
    return text if text.isascii() or _UNSAFE.search(text) is None else text.translate(_ESCAPES)


def unescape(text: str) -> str:
    """The inverse of `escape`. Text that `escape` could not have made is left as it is."""
    return _ESCAPED.sub(lambda found: chr(int(found[1], 16)), text)


def representable(text: str) -> str:
    """`text` as it is if UTF-8 can hold it, else escaped: for what is only shown, and may be escaped already."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return escape(text)
    return text


def each_text(value: Any, change: Callable[[str], str]) -> Any:
    """A value of dictionaries, lists and tuples (which become lists) with every text in it changed, keys too."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {change(key): each_text(item, change) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [each_text(item, change) for item in value]
    return value


def without_addresses(text: str) -> str:
    """`text` with memory addresses replaced, so that two runs of the same program say the same."""
    return _ADDRESS.sub("0x...", text)
