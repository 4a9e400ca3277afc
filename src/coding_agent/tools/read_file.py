"""`read_file`: numbered lines of a text file."""

from __future__ import annotations

from typing import Annotated

import attrs

from coding_agent.events.text import unescape
from coding_agent.tools.base import Tool, ToolAnswer, ToolContext
from coding_agent.tools.schema import About
from coding_agent.tools.text import numbered, plural

MAX_LINES = 400
MAX_SHOWN = 32 << 10
MAX_FILE = 4 << 20
"""Bytes of the largest file whose lines are counted."""


@attrs.frozen(kw_only=True)
class ReadFile:
    path: Annotated[str, About("File to read, relative to the workspace.", 1, 4096, path=True)]
    start: Annotated[int, About("First line to show, counting from 1.", 1)] = 1
    end: Annotated[
        int | None, About(f"Last line to show; null for as much as fits ({MAX_LINES} lines, 32 KiB).", 1)
    ] = None


async def read_file(arguments: ReadFile, context: ToolContext) -> ToolAnswer:
    """The lines asked for; raises Refused."""
    path = arguments.path
    file = await context.sandbox.read(unescape(path), max_bytes=MAX_FILE)
    if file.size > len(file.data):
        advice = "Read a part of it with `run_command`, for example `sed -n 1,100p`."
        return _error(f"{path}: {file.size} bytes, more than the {MAX_FILE} that this tool reads. {advice}")
    try:
        text = file.data.decode()
    except UnicodeDecodeError as error:
        what = f"{path}: not UTF-8 text ({file.size} bytes; the first that is not UTF-8 is byte {error.start})."
        return _error(f"{what} Look at it with `run_command`, for example `od -c`.")
    return excerpt(path, text, arguments.start, arguments.end)


def excerpt(path: str, text: str, start: int, end: int | None) -> ToolAnswer:
    """Lines `start` to `end` of a file, as far as the bounds allow."""
    if not text:
        return ToolAnswer(outcome="ok", text=f"{path}: empty file")
    lines = text.removesuffix("\n").split("\n")
    total = len(lines)
    if start > total:
        return _error(f"{path} has {plural(total, 'line')}; start={start} is past its end.")
    if end is not None and end < start:
        return _error(f"read_file.end: expected at least start ({start}), found {end}")
    note = _note(text)
    if note == " (CRLF line endings)":
        lines = [line.removesuffix("\r") for line in lines]
    last = min(total, start + MAX_LINES - 1, total if end is None else end)
    shown, cut = _within(lines[start - 1 : last])
    last = start + len(shown) - 1
    parts = [f"{path}: lines {start}-{last} of {total}{note}", numbered(start, shown)]
    if cut:
        parts.append(f"[line {start} is cut: {cut} more bytes; see the rest with `run_command`]")
    if last < total:
        parts.append(f"[{plural(total - last, 'more line')}; go on with start={last + 1}]")
    return ToolAnswer(outcome="ok", text="\n".join(parts))


def _note(text: str) -> str:
    newlines, crlf = text.count("\n"), text.count("\r\n")
    if crlf:
        return " (CRLF line endings)" if crlf == newlines else " (mixed line endings)"
    return "" if text.endswith("\n") else " (no newline at end of file)"


def _within(lines: list[str]) -> tuple[list[str], int]:
    """As many lines as fit, at least a part of the first, and how many bytes of that were cut."""
    room = MAX_SHOWN
    for index, line in enumerate(lines):
        size = len(line.encode()) + 8
        if size > room:
            if index:
                return lines[:index], 0
            head = line.encode()[: MAX_SHOWN - 8].decode(errors="ignore")
            return [head], len(line.encode()) - len(head.encode())
        room -= size
    return lines, 0


def _error(text: str) -> ToolAnswer:
    return ToolAnswer(outcome="error", text=text)


TOOL = Tool(
    name="read_file",
    description=f"Read a text file, or lines start to end of it, with line numbers; at most {MAX_LINES} lines a call.",
    arguments=ReadFile,
    run=read_file,
)
