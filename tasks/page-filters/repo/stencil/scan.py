"""Cutting a template into text and tags."""

from typing import NamedTuple

from stencil.errors import TemplateError


class Text(NamedTuple):
    text: str


class Tag(NamedTuple):
    """What stands between the braces, and the line where it begins."""

    body: str
    line: int


def scan(source):
    """Texts and tags in order. Raises TemplateError for a tag that is not closed."""
    parts = []
    at = 0
    while True:
        start = source.find("{{", at)
        if start < 0:
            break
        line = source.count("\n", 0, start) + 1
        end = source.find("}}", start)
        if end < 0:
            raise TemplateError(line, "a tag is not closed")
        parts.append(Text(source[at:start]))
        parts.append(Tag(source[start + 2 : end].strip(), line))
        at = end + 2
    parts.append(Text(source[at:]))
    return [part for part in parts if part != Text("")]
