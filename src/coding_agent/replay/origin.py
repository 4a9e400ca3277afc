"""Which function of today's code derives a field: where to look first."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

from coding_agent.events.schema import Event, ToolResult
from coding_agent.projections import conversation
from coding_agent.replay.divergence import Divergence
from coding_agent.rollout import decide, state
from coding_agent.tools import dispatch, render_tests

_PACKAGE = Path(decide.__file__).parents[1]
_BY_PATH: tuple[tuple[str, Callable[..., Any]], ...] = (
    ("model_turn.request_digest", conversation.request_digest),
    ("model_turn.calls", dispatch.parse_arguments),
    ("done.reason", decide.done_reason),
    ("done", state.evolve),
    ("tool_result.text", render_tests.render_test_run),
    ("tool_result", dispatch.prepare),
)


def function_of(found: Divergence, instead: Event | None) -> Callable[..., Any] | None:
    """What derives the field; None for what is not derived. `instead`: what this release puts there."""
    if found.code in {"RPL-GIVEN", "RPL-SEQUENCE"}:
        return None
    if found.code != "RPL-FIELD":
        return decide.decide
    denied = isinstance(instead, ToolResult) and instead.outcome == "denied"
    wanted = "tool_result" if denied else found.path
    return next((by for path, by in _BY_PATH if _within(wanted, path)), decide.decide)


def derived_by(found: Divergence, instead: Event | None) -> str | None:
    """`rollout/decide.py:104 done_reason`: where `function_of` is."""
    function = function_of(found, instead)
    if function is None:
        return None
    file = Path(inspect.getsourcefile(function) or "").relative_to(_PACKAGE)
    return f"{file}:{inspect.getsourcelines(function)[1]} {function.__name__}"


def _within(path: str, ancestor: str) -> bool:
    return path == ancestor or path.startswith((f"{ancestor}.", f"{ancestor}["))
