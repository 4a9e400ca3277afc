"""An oracle that is not the code under test: it undoes encodings instead of making them, and looks for the secret."""

from __future__ import annotations

import codecs
import json
import re
from base64 import b64decode
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote_to_bytes

_LETTERS = re.compile(rb"[A-Za-z0-9+/_-]{8,}")
_DIGITS = re.compile(rb"(?:[0-9A-Fa-f]{2}[ :,-]{0,2}){8,}")
_ESCAPED = re.compile(rb"(?:\\+(?:x|u00)[0-9a-fA-F]{2}|0x[0-9a-fA-F]{2}[, ]*)")


def leaks(data: bytes, secret: str) -> list[str]:
    """The encodings in which the secret stands in the data."""
    wanted = secret.encode()
    return sorted({name for name, view in _views(data) if wanted in view})


def leaks_below(folder: Path, secret: str) -> dict[str, list[str]]:
    """The same for every file below a folder, and for their names."""
    found = {str(path): leaks(path.read_bytes(), secret) for path in folder.rglob("*") if path.is_file()}
    found |= {f"name {path}": leaks(path.name.encode(), secret) for path in folder.rglob("*")}
    return {name: encodings for name, encodings in found.items() if encodings}


def _views(data: bytes) -> Iterator[tuple[str, bytes]]:
    plain = data
    for depth in range(3):
        yield f"plain, unescaped {depth} times", plain
        yield f"reversed, unescaped {depth} times", plain[::-1]
        yield f"utf-16, unescaped {depth} times", plain.replace(b"\0", b"")
        yield f"numbers, unescaped {depth} times", _ESCAPED.sub(lambda found: _byte(found[0]), plain)
        plain = _unescaped(plain)
    yield "percent", unquote_to_bytes(data)
    yield "plus", unquote_to_bytes(data.replace(b"+", b" "))
    for found in _LETTERS.finditer(data):
        run = found[0].replace(b"-", b"+").replace(b"_", b"/")
        for start in range(4):
            part = run[start:]
            decoded = b64decode(part[: len(part) // 4 * 4] + b"")
            yield "base64", decoded
            yield "base64 of utf-16", decoded.replace(b"\0", b"")
    for found in _DIGITS.finditer(data):
        digits = re.sub(rb"[^0-9A-Fa-f]", b"", found[0])
        for start in range(2):
            part = digits[start:]
            decoded = bytes.fromhex(part[: len(part) // 2 * 2].decode())
            yield "hexadecimal", decoded
            yield "hexadecimal of utf-16", decoded.replace(b"\0", b"")


def _byte(text: bytes) -> bytes:
    return bytes([int(text[-2:] if text.startswith(b"\\") else text[2:4], 16)])


def _unescaped(data: bytes) -> bytes:
    """One level of JSON's escapes undone, wherever they stand."""
    text = codecs.decode(data, "utf-8", "replace")
    return re.sub(r'\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})', lambda found: str(json.loads(f'"{found[0]}"')), text).encode(
        "utf-8", "replace"
    )
