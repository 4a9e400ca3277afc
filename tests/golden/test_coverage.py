"""`replays/` holds an episode for everything that an episode can be: enumerated from the schema, so nothing is forgotten."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any, get_args

import pytest

import coding_agent
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
    # For a call that may have had an effect outside the sandbox when its episode was killed; no tool can have one.
    "tool outcome": {"interrupted"},
    # Kinds that the format has room for. Notices are derived: what `decide` does not send, no log can hold.
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


def test_what_is_in_no_recorded_episode_is_made_nowhere() -> None:
    made = set()
    for layer in ("rollout", "tools"):
        for file in (Path(coding_agent.__file__).parent / layer).rglob("*.py"):
            made |= {node.value for node in ast.walk(ast.parse(file.read_text())) if isinstance(node, ast.Constant)}
    assert {"not_executed", "reminder", "denied", "timeout"} <= made
    for values in NOT_PRODUCED.values():
        assert not values & made, "the harness makes it now: record an episode (scripts/record_replays.py)"


def test_a_message_with_several_calls_odd_text_and_tokens_is_there() -> None:
    turns = [event for event in EVENTS if isinstance(event, ModelTurn)]
    assert any(len(turn.calls) > 1 for turn in turns)
    assert any("\ufdd0" in (turn.content or "") for turn in turns)
    assert any(turn.tokens and "-inf" in turn.tokens.logprobs for turn in turns)
    assert any(call.error for turn in turns for call in turn.calls)


def test_the_folder_stays_small() -> None:
    assert sum(path.stat().st_size for path in REPLAYS.rglob("*") if path.is_file()) < 1 << 20
