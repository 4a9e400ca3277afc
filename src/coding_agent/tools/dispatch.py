"""Finding a call's tool: which tools there are, what a policy is told of them, and what becomes of a call.

`prepare`, `parse_arguments` and `tool_schemas` are pure, and all that a replay needs; only `run` touches a sandbox.
"""

from __future__ import annotations

import difflib
from typing import Any

import attrs

from coding_agent.errors import UsageError
from coding_agent.events.values import ModelToolCall, ToolSchema
from coding_agent.sandbox.base import Refused
from coding_agent.tools import (
    apply_patch,
    list_files,
    read_file,
    replace_text,
    run_command,
    run_tests,
    search,
    submit,
    write_file,
)
from coding_agent.tools.base import Tool, ToolAnswer, ToolContext
from coding_agent.tools.parsing import parse_arguments
from coding_agent.tools.refusals import is_refusal, refusal_answer
from coding_agent.tools.schema import InvalidArguments, json_schema, validate

__all__ = [
    "TOOLS",
    "TOOLSETS",
    "Denied",
    "Prepared",
    "never_ran",
    "parse_arguments",
    "prepare",
    "run",
    "tool_schemas",
]

TOOLS: dict[str, Tool] = {
    module.TOOL.name: module.TOOL
    for module in (
        list_files, read_file, search, apply_patch, replace_text, write_file, run_tests, run_command, submit
    )
}  # fmt: skip

TOOLSETS: dict[str, tuple[str, ...]] = {
    "default": tuple(TOOLS),
    "edit": ("read_file", "replace_text", "submit"),
    "test": ("list_files", "read_file", "apply_patch", "run_tests", "submit"),
}
"""Named lists of tools, as configuration names them."""


@attrs.frozen(kw_only=True)
class Prepared:
    """A call that may run: its tool, and its arguments as that tool's own class."""

    tool: Tool
    arguments: Any


@attrs.frozen(kw_only=True)
class Denied:
    """A call that may not run, and what the policy is told."""

    text: str


def tool_schemas(toolset: str) -> tuple[ToolSchema, ...]:
    """What a policy is told of each tool of a toolset. Raises UsageError for an unknown one."""
    if toolset not in TOOLSETS:
        raise UsageError(f"toolset: expected one of {', '.join(sorted(TOOLSETS))}, found {toolset!r}")
    tools = (TOOLS[name] for name in TOOLSETS[toolset])
    return tuple(
        ToolSchema(name=tool.name, description=tool.description, parameters=json_schema(tool.arguments))
        for tool in tools
    )


def prepare(call: ModelToolCall, names: tuple[str, ...]) -> Prepared | Denied:
    """What to run for `call` where `names` are the tools offered, or why nothing is run."""
    tool = TOOLS.get(call.name)
    if tool is None or call.name not in names:
        near = difflib.get_close_matches(call.name[:80], names, n=1)
        hint = f" Did you mean `{near[0]}`?" if near else ""
        return Denied(text=f"There is no tool `{call.name[:80]}`.{hint} The tools are: {', '.join(names)}.")
    if call.arguments is None:
        why = call.error or "not a JSON object"
        return Denied(text=f"{tool.name} was not run: its arguments are not a JSON object. {why}")
    try:
        arguments = validate(tool.arguments, call.arguments, tool.name)
    except InvalidArguments as error:
        return Denied(text=f"{tool.name} was not run: mend its arguments and call it again.\n{error}")
    return Prepared(tool=tool, arguments=arguments)


def never_ran(tool: str, text: str) -> bool:
    """Whether this denial is one that `prepare` gave, in the words of any release so far, and not the tool itself."""
    return text.startswith(("There is no tool `", f"{tool} was not run: ")) and not is_refusal(text)


async def run(prepared: Prepared, context: ToolContext) -> ToolAnswer:
    """Run the call; what the sandbox refuses becomes an answer. Raises SandboxError, and whatever is a bug."""
    try:
        return await prepared.tool.run(prepared.arguments, context)
    except Refused as refused:
        return refusal_answer(refused)
