"""A file as lines, without losing a byte: what is not UTF-8 is surrogate-escaped, carriage returns stay."""

from __future__ import annotations

import attrs


@attrs.frozen(kw_only=True)
class Document:
    """The lines of a file, without their newlines."""

    lines: tuple[str, ...]
    final_newline: bool
    """False: the last line is not ended by a newline. True for an empty file."""

    @classmethod
    def of(cls, data: bytes) -> Document:
        text = data.decode("utf-8", "surrogateescape")
        if not text:
            return cls(lines=(), final_newline=True)
        return cls(lines=tuple(text.removesuffix("\n").split("\n")), final_newline=text.endswith("\n"))

    @property
    def data(self) -> bytes:
        text = "\n".join(self.lines) + ("\n" if self.final_newline and self.lines else "")
        return text.encode("utf-8", "surrogateescape")
