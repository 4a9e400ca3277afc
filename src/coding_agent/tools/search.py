"""`search`: a regular expression over the files of the workspace."""

from __future__ import annotations

from typing import Annotated

import attrs

from coding_agent.events.text import unescape
from coding_agent.sandbox.base import SearchResult
from coding_agent.tools.base import Tool, ToolAnswer, ToolContext
from coding_agent.tools.schema import About
from coding_agent.tools.text import plural, visible

TIMEOUT_S = 10.0
MAX_LINE = 300
"""Characters of one matching line that are shown."""


@attrs.frozen(kw_only=True)
class Search:
    pattern: Annotated[str, About("Regular expression, in ripgrep's syntax.", 1, 4096, nul_free=True)]
    path: Annotated[str, About("File or directory to search, relative to the workspace.", 1, 4096, path=True)] = "."
    glob: Annotated[
        str | None, About("Only files whose path matches this glob, such as `*.py`.", 1, 1024, nul_free=True)
    ] = None
    ignore_case: Annotated[bool, About("Match without regard to case.")] = False
    max_matches: Annotated[int, About("The most matching lines to show.", 1, 1000)] = 100


async def search(arguments: Search, context: ToolContext) -> ToolAnswer:
    """The matching lines; raises Refused."""
    timeout_s = min(TIMEOUT_S, context.limits.command_s)
    found = await context.sandbox.search(
        arguments.pattern,
        path=unescape(arguments.path),
        glob=arguments.glob,
        ignore_case=arguments.ignore_case,
        max_matches=arguments.max_matches,
        timeout_s=timeout_s,
    )
    if found.timed_out:
        stopped = f"The search did not end within {timeout_s:g} s. Simplify the pattern, or narrow path and glob."
        return ToolAnswer(outcome="timeout", text=stopped)
    return ToolAnswer(outcome="ok", text=render(found))


def render(found: SearchResult) -> str:
    """The text for what was found."""
    total = len(found.matches) + found.omitted
    if not total:
        return "No matches."
    lines = [plural(total, "match", "matches")]
    lines += [f"{match.path}:{match.line}:{_shown(match.text)}" for match in found.matches]
    if found.omitted:
        more = plural(found.omitted, "more match", "more matches")
        lines.append(f"[{more}; narrow the pattern or raise max_matches]")
    return "\n".join(lines)


def _shown(text: str) -> str:
    line = visible(text.rstrip("\r\n").encode("utf-8", "surrogateescape"))
    return line if len(line) <= MAX_LINE else f"{line[:MAX_LINE]} [{len(line) - MAX_LINE} more characters]"


TOOL = Tool(
    name="search",
    description="Search files for a regular expression. Shows `path:line:text`, sorted by path and line.",
    arguments=Search,
    run=search,
)
