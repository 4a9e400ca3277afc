"""`replays/` holds an episode for everything that an episode can be: enumerated from the schema, so nothing is forgotten."""

from __future__ import annotations

from pathlib import Path
from typing import Any, get_args

import pytest

from coding_agent.events import schema
from coding_agent.events.schema import WIRE_NAMES, Done, ModelTurn, Notice, TestRun, ToolCall, ToolResult
from coding_agent.events.values import FileChange, Outcome
from coding_agent.store.reader import read_events
from coding_agent.tools.dispatch import TOOLS

REPLAYS = Path(__file__).parents[2] / "replays"
EVENTS = [event for path in sorted(REPLAYS.glob("*.jsonl")) for event in read_events(path)]
CHANGES = [
    file
    for event in EVENTS
    if isinstance(event, ToolResult | TestRun) and event.changes
    for file in event.changes.files
]


def _has(change: FileChange, name: str) -> bool:
    return getattr(change, name) is not None


NOT_PRODUCED: dict[str, set[Any]] = {
    # No tool has an effect outside the sandbox yet; kinds of notice for budgets, plans and memory are not sent yet.
    "tool outcome": {"interrupted"},
    "notice": {"budget", "plan", "memory"},
}
COVERED: dict[str, tuple[set[Any], set[Any]]] = {
    "event": (set(WIRE_NAMES.values()), {WIRE_NAMES[type(event)] for event in EVENTS}),
    "tool": (set(TOOLS), {event.tool for event in EVENTS if isinstance(event, ToolCall)}),
    "done": (set(get_args(schema.DoneReason)), {event.reason for event in EVENTS if isinstance(event, Done)}),
    "tool outcome": (set(get_args(schema.ToolOutcome)), {e.outcome for e in EVENTS if isinstance(e, ToolResult)}),
    "notice": (set(get_args(schema.NoticeKind)), {event.kind for event in EVENTS if isinstance(event, Notice)}),
    "test outcome": (set(get_args(Outcome)), {o for e in EVENTS if isinstance(e, TestRun) for o in e.outcomes.values()}),
    "change": ({"add", "modify", "delete", "mode", "symlink"}, {change.kind for change in CHANGES}),
    "content": ({"text", "base64", "blob"}, {name for c in CHANGES for name in ("text", "base64", "blob") if _has(c, name)}),
}  # fmt: skip


@pytest.mark.parametrize("what", COVERED)
def test_everything_that_an_episode_can_hold_is_in_a_recorded_one(what: str) -> None:
    wanted, found = COVERED[what]
    assert wanted - found == NOT_PRODUCED.get(what, set())


def test_a_message_with_several_calls_odd_text_and_tokens_is_there() -> None:
    turns = [event for event in EVENTS if isinstance(event, ModelTurn)]
    assert any(len(turn.calls) > 1 for turn in turns)
    assert any("\ufdd0" in (turn.content or "") for turn in turns)
    assert any(turn.tokens and "-inf" in turn.tokens.logprobs for turn in turns)
    assert any(call.error for turn in turns for call in turn.calls)


def test_the_folder_stays_small() -> None:
    assert sum(path.stat().st_size for path in REPLAYS.rglob("*") if path.is_file()) < 1 << 20
