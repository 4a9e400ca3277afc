"""Logs of released formats load, verify, replay and project as they always did; the schema changes only as it may."""

from __future__ import annotations

import copy
import hashlib
import importlib.util
import json
from pathlib import Path
from typing import Any

import pytest

from coding_agent.events.schema import WIRE_NAMES
from coding_agent.replay.golden import projections
from coding_agent.replay.sealed import replay_log
from coding_agent.store.reader import read_events, read_records, verify
from coding_agent.store.rundir import blobs_of
from tests.replay.rederiving import rederived

HERE = Path(__file__).parent
PINNED: dict[str, Any] = json.loads((HERE / "pinned.json").read_text())
SCRIPT = HERE.parents[1] / "scripts" / "schema_snapshot.py"
_SPEC = importlib.util.spec_from_file_location("schema_snapshot", SCRIPT)
assert _SPEC is not None
assert _SPEC.loader is not None
snapshot = importlib.util.module_from_spec(_SPEC)
_SPEC.loader.exec_module(snapshot)


@pytest.mark.parametrize("name", PINNED)
def test_a_log_of_a_released_format_is_what_it_always_was(name: str) -> None:
    path = HERE / name
    assert hashlib.sha256(path.read_bytes()).hexdigest() == PINNED[name]["file"], "a frozen log is never edited"
    assert verify(path).condition == "sealed"
    assert replay_log(path).divergence is None
    assert projections(read_events(path), blobs_of(path).get) == PINNED[name]["projections"]


@pytest.mark.parametrize("name", PINNED)
def test_a_frozen_log_that_is_derived_and_written_again_is_the_same_bytes(name: str) -> None:
    assert rederived(read_records(HERE / name)) == (HERE / name).read_bytes()


def test_every_frozen_log_is_pinned() -> None:
    assert {str(path.relative_to(HERE)) for path in HERE.glob("v*/*.jsonl")} == set(PINNED)


def test_the_frozen_logs_hold_every_type_of_event() -> None:
    found = {record.type for name in PINNED for record in read_records(HERE / name)}
    assert found == set(WIRE_NAMES.values())


def test_the_schema_changed_only_as_a_format_version_allows() -> None:
    then = json.loads(snapshot.FILE.read_text())
    now = snapshot.described()
    assert snapshot.problems(then, now) == [], "raise FORMAT and write an upcaster"
    assert then == now, "new and allowed: python scripts/schema_snapshot.py writes it down"


def _reordered(schema: Any) -> None:
    fields = schema["ModelTurn"]["fields"]
    fields["turn"] = fields.pop("turn")


def _squeezed_in(schema: Any) -> None:
    mood = {"mood": {"type": "str", "kind": "given", "default": "''"}}
    schema["Done"]["fields"] = {**mood, **schema["Done"]["fields"]}


def _renamed(schema: Any) -> None:
    fields = schema["ModelTurn"]["fields"]
    fields["text"] = fields.pop("content")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (_renamed, "ModelTurn.content was"),
        (lambda s: s["ModelTurn"]["fields"]["turn"].update(type="str"), "ModelTurn.turn was"),
        (lambda s: s["ToolResult"]["fields"]["outcome"].update(kind="derived"), "ToolResult.outcome was"),
        (lambda s: s["Limits"]["fields"]["turns"].update(default="50"), "Limits.turns was"),
        (_reordered, "ModelTurn: its fields are in another order"),
        (_squeezed_in, "Done: its fields are in another order"),
        (lambda s: s["Done"].update(wire="finished"), "Done: its wire name was done"),
        (lambda s: s.pop("Notice"), "Notice is gone"),
        (lambda s: s["Done"]["fields"].update(mood={"type": "str", "kind": "given", "default": "(required)"}),
         "Done.mood is new and has no default"),
    ],
)  # fmt: skip
def test_a_change_that_needs_a_new_version_is_told_by_field(change: Any, problem: str) -> None:
    then = snapshot.described()
    now = copy.deepcopy(then)
    change(now)
    assert any(found.startswith(problem) for found in snapshot.problems(then, now))


def test_a_new_optional_field_and_a_new_event_are_allowed() -> None:
    then = snapshot.described()
    now = copy.deepcopy(then)
    now["Done"]["fields"]["mood"] = {"type": "str", "kind": "given", "default": "''"}
    now["Dream"] = {"wire": "dream", "fields": {}}
    assert snapshot.problems(then, now) == []
