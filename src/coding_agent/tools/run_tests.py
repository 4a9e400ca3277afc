"""`run_tests`: the task's tests, or some of them. What it says is rendered from the TestRun by `render_tests`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import attrs

from coding_agent.events.schema import ToolOutcome
from coding_agent.events.text import unescape
from coding_agent.tools.base import Tool, ToolAnswer, ToolContext
from coding_agent.tools.schema import About

LAUNCH = 3
"""Words of `python -m pytest`."""
TAKE_A_VALUE = frozenset(
    {"-k", "-m", "-p", "-o", "-c", "-W", "-n", "-r", "--rootdir", "--confcutdir", "--deselect", "--ignore", "--maxfail"}
)


@attrs.frozen(kw_only=True)
class RunTests:
    tests: Annotated[
        tuple[str, ...], About("Test ids or paths, such as `tests/test_a.py::test_b`; empty for all tests.", None, 500)
    ] = ()


async def run_tests(arguments: RunTests, context: ToolContext) -> ToolAnswer:
    """Run them; the text is left to the TestRun that this becomes."""
    option = next((test for test in arguments.tests if test.startswith("-")), None)
    if option is not None:
        text = f"run_tests.tests: expected test ids or paths, found {option[:80]!r}. For options use `run_command`."
        return ToolAnswer(outcome="denied", text=text)
    command = test_command(context.test_command, [unescape(test) for test in arguments.tests])
    report = await context.sandbox.test(command[LAUNCH:], timeout_s=context.limits.test_s)
    changes = await context.sandbox.changes()
    outcome: ToolOutcome = "timeout" if report.timed_out else "ok"
    return ToolAnswer(outcome=outcome, text="", changes=changes, test=report, test_command=command)


def test_command(command: Sequence[str], tests: Sequence[str]) -> tuple[str, ...]:
    """The task's command; with `tests`, its options with these ids or paths instead of its own."""
    if not tests:
        return tuple(command)
    options, words = list(command[:LAUNCH]), iter(command[LAUNCH:])
    for word in words:
        if word.startswith("-"):
            options.append(word)
            if word in TAKE_A_VALUE:
                options.extend(value for value in (next(words, None),) if value is not None)
    return (*options, *tests)


TOOL = Tool(
    name="run_tests",
    description="Run the task's tests, or the given test ids or paths, and explain every failure.",
    arguments=RunTests,
    run=run_tests,
)
