"""`run_command`: one bounded shell command. Knows nothing of what commands mean."""

from __future__ import annotations

from typing import Annotated

import attrs

from coding_agent.events.schema import ToolOutcome
from coding_agent.events.values import Dropped
from coding_agent.sandbox.base import ExecResult
from coding_agent.tools.base import Tool, ToolAnswer, ToolContext
from coding_agent.tools.schema import About
from coding_agent.tools.text import plural, to_bytes, visible

MAX_COMMAND = 120_000
"""Bytes; Linux takes no argument of 128 KiB."""


@attrs.frozen(kw_only=True)
class RunCommand:
    command: Annotated[str, About("Command line for `sh -c`, run in /workspace.", 1, 100_000, nul_free=True)]
    timeout_s: Annotated[
        float | None, About("Seconds until it is killed; null for the longest allowed.", 0.001, 86_400)
    ] = None


async def run_command(arguments: RunCommand, context: ToolContext) -> ToolAnswer:
    """Run it and say how it ended, whatever that is: a command that fails may still have changed files."""
    longest = context.limits.command_s
    timeout_s = longest if arguments.timeout_s is None else min(longest, arguments.timeout_s)
    if len(to_bytes(arguments.command)) > MAX_COMMAND:
        text = f"run_command.command: expected at most {MAX_COMMAND} bytes. Put it in a file and run that."
        return ToolAnswer(outcome="denied", text=text)
    argv = ["/bin/sh", "-c", to_bytes(arguments.command).decode()]
    done = await context.sandbox.exec(argv, timeout_s=timeout_s, output_bytes=context.limits.output_bytes)
    changes = await context.sandbox.changes()
    text, dropped = render(done, timeout_s)
    outcome: ToolOutcome = "timeout" if done.timed_out else "ok"
    return ToolAnswer(outcome=outcome, text=text, dropped=dropped, changes=changes)


def render(done: ExecResult, timeout_s: float) -> tuple[str, Dropped | None]:
    """What the policy sees of a finished command, and what of its output it does not."""
    ended, missing = _ended(done, timeout_s), done.total_bytes - len(done.head) - len(done.tail)
    if not missing:
        output = visible(done.head + done.tail)
        return (f"{ended}\n{output}" if output else ended), None
    head, tail = _whole_characters(done.head, done.tail)
    hidden = done.total_bytes - len(head) - len(tail)
    before = visible(head)
    gap = "" if before.endswith("\n") or not before else "\n"
    text = f"{ended}\n{before}{gap}[{plural(hidden, 'byte')} dropped]\n{visible(tail)}"
    return text, Dropped(bytes=hidden, sha256=done.sha256)


def _ended(done: ExecResult, timeout_s: float) -> str:
    if done.timed_out or done.exit_status is None:
        return f"timed out after {timeout_s:g} s; everything it started was killed"
    if done.exit_status < 0:
        return f"killed by signal {-done.exit_status}"
    return f"exit status {done.exit_status}"


def _whole_characters(head: bytes, tail: bytes) -> tuple[bytes, bytes]:
    """Without the parts of a character that the cut may have left on either side of it."""
    for size in (1, 2, 3):
        lead = head[-size : -size + 1 or None]
        if lead >= b"\xc0":
            needed = 2 if lead < b"\xe0" else 3 if lead < b"\xf0" else 4
            head = head[:-size] if size < needed else head
            break
        if lead < b"\x80":
            break
    strays = next((size for size in range(4) if not 0x80 <= int.from_bytes(tail[size : size + 1]) < 0xC0), 0)
    return head, tail[strays:]


TOOL = Tool(
    name="run_command",
    description=(
        "Run a shell command in /workspace. No network, no input; only files under /workspace outlive the call. "
        "Shows how it ended, then its output."
    ),
    arguments=RunCommand,
    run=run_command,
)
