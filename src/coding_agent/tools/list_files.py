"""`list_files`: a tree as full paths, one a line."""

from __future__ import annotations

from typing import Annotated

import attrs

from coding_agent.events.text import unescape
from coding_agent.sandbox.base import Entry, Listing
from coding_agent.tools.base import Tool, ToolAnswer, ToolContext
from coding_agent.tools.schema import About
from coding_agent.tools.text import plural

MAX_SHOWN = 64 << 10
"""Characters of a listing: two thousand of the longest names would not fit into a line of the log."""


@attrs.frozen(kw_only=True)
class ListFiles:
    path: Annotated[str, About("Directory to list, relative to the workspace.", 1, 4096, path=True)] = "."
    depth: Annotated[int, About("How many levels to descend.", 1, 20)] = 3
    max_entries: Annotated[int, About("The most entries to list.", 1, 2000)] = 200


async def list_files(arguments: ListFiles, context: ToolContext) -> ToolAnswer:
    """The listing; raises Refused."""
    path = unescape(arguments.path)
    listing = await context.sandbox.list(path, depth=arguments.depth, max_entries=arguments.max_entries)
    return ToolAnswer(outcome="ok", text=render(arguments.path, listing))


def render(path: str, listing: Listing) -> str:
    """The text for a listing of `path`."""
    lines, room = [], MAX_SHOWN
    for line in map(_line, listing.entries):
        room -= len(line)
        if room < 0:
            break
        lines.append(line)
    if omitted := listing.omitted + len(listing.entries) - len(lines):
        more = plural(omitted, "more entry", "more entries")
        lines.append(f"[{more}; list a subdirectory or raise max_entries]")
    return "\n".join(lines) or f"{path}: empty directory"


def _line(entry: Entry) -> str:
    if entry.kind == "directory":
        return f"{entry.path}/" + (f" ({plural(entry.size, 'entry', 'entries')})" if entry.size >= 0 else "")
    if entry.kind == "symlink":
        return f"{entry.path} -> {entry.target}"
    return entry.path if entry.kind == "file" else f"{entry.path} (special file)"


TOOL = Tool(
    name="list_files",
    description=(
        "List files and directories below a directory: one path a line, directories first (they end in `/`). "
        "Version control, caches and bytecode are left out."
    ),
    arguments=ListFiles,
    run=list_files,
)
