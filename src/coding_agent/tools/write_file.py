"""`write_file`: create a file, or overwrite all of it."""

from __future__ import annotations

import hashlib
from typing import Annotated

import attrs

from coding_agent.events.text import unescape
from coding_agent.sandbox.base import FileRead, PathEdit, Refused
from coding_agent.tools.base import Tool, ToolAnswer, ToolContext
from coding_agent.tools.schema import About
from coding_agent.tools.text import line_count, plural, to_bytes

MAX_FILE = 4 << 20
"""Bytes of the largest old file whose lines are counted."""


@attrs.frozen(kw_only=True)
class WriteFile:
    path: Annotated[str, About("File to write, relative to the workspace.", 1, 4096, path=True)]
    content: Annotated[str, About("The whole content of the file.", None, 1_000_000)]


async def write_file(arguments: WriteFile, context: ToolContext) -> ToolAnswer:
    """Write the file and report what it was before; raises Refused."""
    path, data = unescape(arguments.path), to_bytes(arguments.content)
    try:
        old = await context.sandbox.read(path, max_bytes=MAX_FILE)
    except Refused as refused:
        if refused.code != "not_found":
            raise
        old = None
    expected = None if old is None else old.sha256
    changes = await context.sandbox.edit([PathEdit(path=path, data=data, expected_sha256=expected)])
    return ToolAnswer(outcome="ok", text=_said(arguments.path, data, old), changes=changes)


def _said(path: str, data: bytes, old: FileRead | None) -> str:
    new_size = f"{plural(line_count(data), 'line')}, {plural(len(data), 'byte')}"
    if old is None:
        return f"Created {path} ({new_size})."
    if old.sha256 == hashlib.sha256(data).hexdigest():
        return f"Overwrote {path} ({new_size}; the content is the same as before)."
    lines = f"{plural(line_count(old.data), 'line')}, " if len(old.data) == old.size else ""
    return f"Overwrote {path} ({new_size}; was {lines}{plural(old.size, 'byte')})."


TOOL = Tool(
    name="write_file",
    description="Create a file, with the directories that it needs, or overwrite all of it.",
    arguments=WriteFile,
    run=write_file,
)
