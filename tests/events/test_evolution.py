"""How logs of other releases are read: unknown fields are kept, unknown types named, older formats cast upwards."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coding_agent.errors import LogIncompatible, UnknownEvent
from coding_agent.events.codec import decode_all, encode
from coding_agent.events.schema import WIRE_NAMES, Event
from coding_agent.events.unknown import Unknown, graft
from coding_agent.events.upcast import Raw, upcast
from coding_agent.projections.conversation import conversation
from coding_agent.replay.sealed import replay_log
from coding_agent.rollout.begin import history
from coding_agent.store.reader import read_events, verify
from coding_agent.store.writer import LogWriter
from tests.cli.test_commands import run
from tests.events.strategies import events, json_values
from tests.replay.field_mutations import resealed
from tests.samples import toy_episode, write_log

NAMES = st.text(max_size=5).map(lambda text: f"{text}~") | st.sampled_from(["", "a.b", "a[0]", "usage.x", ".", "[0]"])


def with_fields(value: Any, names: st.DataObject) -> Any:
    """Unknown fields on the event, and on any object of a schema class inside that is recognised by its known keys."""
    if isinstance(value, dict):
        value = {
            key: with_fields(item, names) for key, item in value.items() if key in {"usage", "calls", "changes"}
        } | {key: item for key, item in value.items() if key not in {"usage", "calls", "changes"}}
        return {**value, **names.draw(st.dictionaries(NAMES, json_values, max_size=2))}
    if isinstance(value, list):
        return [with_fields(item, names) for item in value]
    return value


@given(events, st.data())
def test_fields_of_a_newer_release_are_kept_at_any_depth_and_come_out_again(event: Event, data: st.DataObject) -> None:
    written = with_fields(encode(event), data)
    decoded, unknown = decode_all(WIRE_NAMES[type(event)], written)
    assert decoded == event
    assert graft(encode(decoded), unknown) == written


def newer(tmp_path: Path) -> Path:
    """A log as a newer release may write it: a model turn with one more field, and one more in its usage."""
    with LogWriter.create(tmp_path / "newer.jsonl") as log:
        for event in toy_episode():
            more: Unknown = {("mood",): "good", ("usage", "cached_tokens"): 7}
            log.append(event, unknown=more if WIRE_NAMES[type(event)] == "model_turn" else {})
    return tmp_path / "newer.jsonl"


def test_a_log_with_unknown_fields_verifies_and_projects(tmp_path: Path) -> None:
    log = newer(tmp_path)
    assert verify(log).condition == "sealed"
    assert conversation(read_events(log)) == conversation(toy_episode())


def test_sealed_replay_refuses_unknown_fields_by_name(tmp_path: Path) -> None:
    with pytest.raises(
        LogIncompatible, match=r"model_turn\.mood, model_turn\.usage\.cached_tokens: written by a newer"
    ):
        replay_log(newer(tmp_path))


def test_a_copied_event_keeps_its_unknown_fields_and_its_bytes(tmp_path: Path) -> None:
    source, copy = newer(tmp_path), tmp_path / "copy.jsonl"
    with LogWriter.create(copy) as log:
        for each in history(source, None):
            log.append(each.event, at=each.record.at, unknown=each.unknown)
    assert b'"cached_tokens":7' in copy.read_bytes()
    assert [_meant(line) for line in copy.read_bytes().splitlines()] == [
        _meant(line) for line in source.read_bytes().splitlines()
    ]
    assert verify(copy).semantic_digest == verify(source).semantic_digest


def _meant(line: bytes) -> bytes:
    """Data and state; when the line was durable is the writer's own."""
    return line.partition(b',"data":')[2].rpartition(b',"chain":')[0]


def relabelled(tmp_path: Path) -> Path:
    """An intact log with a type of event that this release does not know."""
    source = write_log(tmp_path / "a.jsonl", toy_episode())
    lines = source.read_bytes().splitlines(keepends=True)
    target = tmp_path / "dream.jsonl"
    target.write_bytes(resealed([line.replace(b'"type":"tool_result"', b'"type":"tool_dream"') for line in lines]))
    return target


def test_an_unknown_type_verifies_and_is_refused_by_name_and_line_by_whoever_projects(tmp_path: Path) -> None:
    log = relabelled(tmp_path)
    assert verify(log).condition == "sealed"
    for use in (read_events, replay_log):
        with pytest.raises(LogIncompatible, match="'tool_dream' is not known") as refused:
            use(log)
        assert refused.value.line is not None


def from_zero(name: str, data: Any) -> list[Raw]:
    """An invented format 0: a header with `steps` for turns, and tool results whose notice stood in the same event."""
    if name == "episode_started":
        old = dict(data)
        limits = {"turns": old.pop("steps")}
        return [(name, {**old, "format": 1, "limits": limits})]
    if name == "comment":
        return []
    return [(name, data)]


def test_an_older_format_is_cast_upwards_in_memory_and_never_rewritten(tmp_path: Path) -> None:
    header, *rest = toy_episode()
    first = encode(header)
    zero = {**{key: value for key, value in first.items() if key != "limits"}, "format": 0, "steps": 5}
    path = tmp_path / "zero.jsonl"
    write_raw(
        path,
        [("episode_started", zero), ("comment", {"text": "gone"}), *((WIRE_NAMES[type(e)], encode(e)) for e in rest)],
    )
    raw = path.read_bytes()
    found = read_events(path, upcasters={0: from_zero})
    assert list(found[1:]) == rest
    assert encode(found[0]) == first
    assert path.read_bytes() == raw


def test_a_format_without_a_step_is_refused_with_the_formats_that_are_read(tmp_path: Path) -> None:
    path = tmp_path / "zero.jsonl"
    write_raw(path, [("episode_started", {**encode(toy_episode()[0]), "format": 0})])
    with pytest.raises(LogIncompatible, match="format 0; this release reads formats 1 to 1"):
        read_events(path)


def test_several_steps_are_the_steps_one_after_the_other() -> None:
    def twice(name: str, data: Any) -> list[Raw]:
        return [(name, [*data, 1]), (name, [*data, 2])]

    def ten(name: str, data: Any) -> list[Raw]:
        return [(name, [*data, 10])]

    steps = {1: twice, 2: ten}
    direct = [later for raw in twice("e", []) for later in ten(*raw)]
    assert upcast(("e", []), 1, upcasters=steps, to=3) == direct
    assert upcast(("e", []), 3, upcasters=steps, to=3) == [("e", [])]
    with pytest.raises(UnknownEvent):
        upcast(("e", []), 0, upcasters=steps, to=3)


def write_raw(path: Path, events: list[Raw]) -> None:
    """A log of any data, with a chain in order: as another release would have written it."""
    lines = []
    for seq, (name, data) in enumerate(events):
        body = {
            "seq": seq,
            "type": name,
            "at": "2020-01-01T00:00:00Z",
            "synced": seq - 1,
            "data": data,
            "state": "0" * 64,
        }
        lines.append(orjson.dumps({**body, "chain": "0" * 64}) + b"\n")
    path.write_bytes(resealed(lines))


@pytest.mark.parametrize("command", ["stats", "score", "show", "replay"])
def test_every_command_that_needs_the_meaning_exits_4_for_an_unknown_type(tmp_path: Path, command: str) -> None:
    log = relabelled(tmp_path)
    done = run(command, log)
    assert done.returncode == 4
    assert f"{log}, line " in " ".join((done.stdout + done.stderr).split())
