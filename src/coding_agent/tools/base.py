"""What a tool is: one typed definition of its arguments, one function that runs it. Knows nothing of policies."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import attrs

from coding_agent.events.schema import ToolOutcome
from coding_agent.events.values import Dropped, Limits
from coding_agent.sandbox.base import ChangeSet, Sandbox, TestReport


@attrs.frozen(kw_only=True)
class ToolContext:
    """What a tool may use."""

    sandbox: Sandbox
    limits: Limits
    test_command: tuple[str, ...]
    """The task's own, beginning `python -m pytest`."""


@attrs.frozen(kw_only=True)
class ToolAnswer:
    """What came of a call, before it is written down as events."""

    outcome: ToolOutcome
    text: str
    dropped: Dropped | None = None
    changes: ChangeSet | None = None
    """None for a tool that cannot change the workspace."""
    test: TestReport | None = None
    """Only from `run_tests`: becomes a TestRun, and `text` is rendered from that."""
    test_command: tuple[str, ...] = ()


@attrs.frozen(kw_only=True)
class Tool:
    """A tool: its name, what a policy reads about it, and the attrs class of its arguments."""

    name: str
    description: str
    arguments: type[Any]
    run: Callable[[Any, ToolContext], Awaitable[ToolAnswer]]
