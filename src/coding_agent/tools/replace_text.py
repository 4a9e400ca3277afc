"""`replace_text`: exact text for exact text, refused unless it is where and as often as the policy thinks."""

from __future__ import annotations

from typing import Annotated

import attrs

from coding_agent.events.text import unescape
from coding_agent.sandbox.base import PathEdit
from coding_agent.tools.base import Tool, ToolAnswer, ToolContext
from coding_agent.tools.patching.nearest import describe_nearest
from coding_agent.tools.schema import About
from coding_agent.tools.text import plural, to_bytes

MAX_FILE = 4 << 20
MAX_RESULT = 16 << 20
"""Bytes; ten thousand times a megabyte would be more than the harness has memory for."""
MAX_LISTED = 20


@attrs.frozen(kw_only=True)
class ReplaceText:
    path: Annotated[str, About("File to change, relative to the workspace.", 1, 4096, path=True)]
    old: Annotated[str, About("The exact text to replace, whitespace included.", 1, 1_000_000)]
    new: Annotated[str, About("The text to put in its place.", None, 1_000_000)]
    count: Annotated[int, About("How often `old` must occur; every occurrence is replaced.", 1, 10_000)] = 1


async def replace_text(arguments: ReplaceText, context: ToolContext) -> ToolAnswer:
    """Replace, or say why not; raises Refused."""
    path = unescape(arguments.path)
    file = await context.sandbox.read(path, max_bytes=MAX_FILE)
    if file.size > len(file.data):
        text = (
            f"{arguments.path}: {file.size} bytes, more than the {MAX_FILE} that this tool changes. Use `run_command`."
        )
        return ToolAnswer(outcome="error", text=text)
    old, new = as_in_file(file.data, to_bytes(arguments.old), to_bytes(arguments.new))
    problem = objection(arguments.path, file.data, old, new, arguments.count)
    if problem is not None:
        return ToolAnswer(outcome="error", text=problem)
    edit = PathEdit(path=path, data=file.data.replace(old, new), expected_sha256=file.sha256)
    changes = await context.sandbox.edit([edit])
    times = plural(arguments.count, "occurrence")
    text = f"Replaced {times} in {arguments.path} ({_lines(file.data, old)})."
    return ToolAnswer(outcome="ok", text=text, changes=changes)


def as_in_file(data: bytes, old: bytes, new: bytes) -> tuple[bytes, bytes]:
    """`old` and `new` with the file's line endings: `read_file` shows a CRLF file without its carriage returns."""
    crlf = b"\r\n" in data and data.count(b"\n") == data.count(b"\r\n")
    if not crlf or b"\r" in old:
        return old, new
    return old.replace(b"\n", b"\r\n"), new.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def objection(path: str, data: bytes, old: bytes, new: bytes, count: int) -> str | None:
    """Why the replacement is refused, and what to do; None when nothing speaks against it."""
    found = data.count(old)
    if old == new:
        return f"{path}: `old` and `new` are the same; nothing would change."
    if found == 0:
        return f"{path}: `old` does not occur in it, whitespace included. " + _near(data, old)
    if found != count:
        times, where = plural(found, "time"), _lines(data, old)
        return f"{path}: `old` occurs {times} ({where}), not {count}. Make `old` longer, or set count={found}."
    if (size := len(data) + count * (len(new) - len(old))) > MAX_RESULT:
        return f"{path}: it would have {size} bytes, this tool writes {MAX_RESULT} at most. Use `run_command`."
    return None


def _near(data: bytes, old: bytes) -> str:
    expected = old.decode().removesuffix("\n").split("\n")
    near = describe_nearest(data.decode("utf-8", "replace").removesuffix("\n").split("\n"), expected, None)
    return near or "Nothing in the file resembles it; read the file again."


def _lines(data: bytes, old: bytes) -> str:
    numbers, position = [], data.find(old)
    while position >= 0:
        numbers.append(data.count(b"\n", 0, position) + 1)
        if len(numbers) > MAX_LISTED:
            break
        position = data.find(old, position + len(old))
    listed = ", ".join(str(number) for number in numbers[:MAX_LISTED])
    return f"line{'s' if len(numbers) > 1 else ''} {listed}" + (", ..." if len(numbers) > MAX_LISTED else "")


TOOL = Tool(
    name="replace_text",
    description="Replace exact text in a file. Refused unless `old` occurs exactly `count` times.",
    arguments=ReplaceText,
    run=replace_text,
)
