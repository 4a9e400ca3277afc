"""A replay that notices nothing proves nothing: each field of a log and each rule of our own code is changed, alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import attrs
import pytest

import coding_agent
from coding_agent.events.kinds import FieldKind
from coding_agent.events.line import Record
from coding_agent.events.schema import WIRE_NAMES, EpisodeStarted, ModelTurn, Notice, ToolCall, ToolResult
from coding_agent.replay.divergence import Divergence
from coding_agent.replay.sealed import Replay, replay_log
from coding_agent.store.reader import read_events, read_records, verify
from coding_agent.tools.dispatch import tool_schemas
from tests.replay.field_mutations import Mutation, changed_behind, mutations, resealed, written
from tests.replay.played_again import difference
from tests.replay.rewriting import rewrite
from tests.replay.source_mutations import AREAS, MUTATIONS, said_of

GOLDEN = sorted((Path(__file__).parents[2] / "replays").glob("*.jsonl"))
EPISODE = next(path for path in GOLDEN if path.name == "ep123.jsonl")


def test_a_covered_up_change_is_intact_to_verify_and_noticed_by_replay(tmp_path: Path) -> None:
    source = next(path for path in GOLDEN if path.name == "ep123.jsonl")
    lines = source.read_bytes().splitlines(keepends=True)
    at = next(number for number, line in enumerate(lines) if b'"type":"tool_call"' in line)
    lines[at] = lines[at].replace(b'"call":"1.0"', b'"call":"1.1"')
    (tmp_path / "a.jsonl").write_bytes(resealed(lines))
    assert verify(tmp_path / "a.jsonl").condition == "sealed"
    found = replay_log(tmp_path / "a.jsonl").divergence
    assert found is not None
    assert (found.seq, found.path, found.recorded, found.replayed) == (at, "tool_call.call", "1.1", "1.0")


@pytest.mark.parametrize("kind", FieldKind)
def test_a_mutated_log_is_sealed_again_as_the_original_was(tmp_path: Path, kind: FieldKind) -> None:
    """Else the replay would notice the forger's hand, not the change."""
    source = next(path for path in GOLDEN if path.name == "ep123.jsonl")
    records = list(read_records(source))
    assert written(records, None, tmp_path / "same.jsonl").read_bytes() == source.read_bytes()
    covered = Mutation(record=records[3], path=(), kind=kind)
    assert written(records, covered, tmp_path / "covered.jsonl").read_bytes() == source.read_bytes()
    mutation = next(each for each in mutations(records) if each.record.seq == 3 and each.kind is not FieldKind.OBSERVED)
    assert verify(written(records, mutation, tmp_path / "mutated.jsonl")).condition == "sealed"


def test_a_digest_that_differs_for_a_reason_of_its_own_is_another_cause(tmp_path: Path) -> None:
    source = next(path for path in GOLDEN if path.name == "ep123.jsonl")
    first = rewrite(source, tmp_path / "a.jsonl", ToolCall, arguments={"other": 1}, where=lambda e: e.call == "1.0")
    both = rewrite(first, tmp_path / "b.jsonl", ModelTurn, request_digest="other", where=lambda e: e.turn == 3)
    found = replay_log(both)
    assert found.divergence is not None
    assert found.divergence.path == "tool_call.arguments.other"
    assert [cause.path for cause in found.others] == ["model_turn.request_digest"]


def test_fields_of_one_event_that_differ_for_one_cause_are_named_with_the_first(tmp_path: Path) -> None:
    call = next(event for event in read_events(EPISODE) if isinstance(event, ToolCall))
    added = {f"other{number}": number for number in range(10)}
    log = rewrite(
        EPISODE, tmp_path / "a.jsonl", ToolCall, arguments=call.arguments | added, where=lambda e: e.call == call.call
    )
    found = replay_log(log)
    assert found.divergence is not None
    first, *others = [f"tool_call.arguments.{name}" for name in added]
    assert (found.divergence.path, found.divergence.differing, found.others) == (first, len(added), ())
    assert list(found.divergence.elsewhere) == others[:8]
    assert found.divergence.message.endswith(f"; so do {', '.join(others[:8])} and 1 more")


def misread(records: Sequence[Record], **more: str) -> Mutation:
    """The last turn with a call that was read otherwise than this release reads it, and what else is to change."""
    turn = [record for record in records if record.type == "model_turn"][-1]
    call, *others = turn.data["calls"]
    data = {**turn.data, "calls": [{**call, "arguments": {"misread": 1}}, *others], **more}
    return Mutation(record=attrs.evolve(turn, data=data), path=(), kind=FieldKind.DERIVED)


def test_fields_of_one_event_that_differ_for_causes_of_their_own_are_told_apart(tmp_path: Path) -> None:
    records = list(read_records(EPISODE))
    found = causes(replay_log(written(records, misread(records, request_digest="x"), tmp_path / "a.jsonl")))
    assert [each.path for each in found[:2]] == ["model_turn.request_digest", "model_turn.calls[0].arguments.misread"]
    assert found[0].seq == found[1].seq


def test_a_cause_is_not_hidden_by_the_echo_of_another_in_the_same_event(tmp_path: Path) -> None:
    reworded = rewrite(EPISODE.with_name("many-calls.jsonl"), tmp_path / "a.jsonl", Notice, text="No.")
    assert [each.path for each in causes(replay_log(reworded))] == ["notice.text"]
    records = list(read_records(reworded))
    found = causes(replay_log(written(records, misread(records), tmp_path / "b.jsonl")))
    assert [each.path for each in found[:2]] == ["notice.text", "model_turn.calls[0].arguments.misread"]


def test_a_given_field_is_not_hidden_by_a_derived_one_of_its_event(tmp_path: Path) -> None:
    records = list(read_records(EPISODE))
    at = next(record for record in records if record.type == "model_turn" and record.data["turn"] == 2)
    lies = attrs.evolve(at, data={**at.data, "content": "Lies.", "request_digest": "x"})
    log = written(records, Mutation(record=lies, path=(), kind=FieldKind.GIVEN), tmp_path / "a.jsonl")
    found = causes(replay_log(log))
    assert [(each.seq, each.code) for each in found] == [(at.seq, "RPL-FIELD"), (at.seq, "RPL-GIVEN")]


def test_given_fields_that_were_changed_in_two_events_are_two_causes(tmp_path: Path) -> None:
    log = changed_behind(EPISODE, tmp_path / "a.jsonl", 3, 13, text="Lies.")
    assert [(each.seq, each.code) for each in causes(replay_log(log))] == [(3, "RPL-GIVEN"), (13, "RPL-GIVEN")]


def test_the_same_field_that_another_function_derives_is_another_cause_of_the_same_log(tmp_path: Path) -> None:
    calls = EPISODE.with_name("many-calls.jsonl")
    records = list(read_records(calls))
    of = {records[seq].data["call"] for seq in (8, 12)}  # a test run, and a call that was denied
    log = rewrite(calls, tmp_path / "a.jsonl", ToolResult, text="No.", where=lambda event: event.call in of)
    assert [(each.seq, each.path) for each in causes(replay_log(log))] == [
        (8, "tool_result.text"), (12, "tool_result.text"),
    ]  # fmt: skip


def test_the_digests_of_a_conversation_with_a_changed_text_are_echoes(tmp_path: Path) -> None:
    lines = next(path for path in GOLDEN if path.name == "silence.jsonl").read_bytes().splitlines(keepends=True)
    lines[2] = lines[2].replace(b"Your message", b"That message")
    (tmp_path / "a.jsonl").write_bytes(resealed(lines))
    found = replay_log(tmp_path / "a.jsonl")
    assert found.divergence is not None
    assert (found.divergence.seq, found.divergence.path, found.others) == (2, "notice.text", ())
    assert len(found.echoes) == 2


def test_a_null_that_was_not_there_is_told_from_nothing(tmp_path: Path) -> None:
    lines = next(path for path in GOLDEN if path.name == "ep123.jsonl").read_bytes().splitlines(keepends=True)
    at = next(number for number, line in enumerate(lines) if b'"type":"tool_call"' in line)
    lines[at] = lines[at].replace(b'"arguments":{', b'"arguments":{"nothing":null,').replace(b"null,}", b"null}")
    (tmp_path / "a.jsonl").write_bytes(resealed(lines))
    found = replay_log(tmp_path / "a.jsonl").divergence
    assert found is not None
    assert (found.seq, found.code, found.path) == (at, "RPL-FIELD", "tool_call.arguments")


def test_a_call_that_was_denied_and_would_run_today_is_noticed(tmp_path: Path) -> None:
    everything = tool_schemas("default")
    source = next(path for path in GOLDEN if path.name == "few-tools.jsonl")
    found = replay_log(rewrite(source, tmp_path / "a.jsonl", EpisodeStarted, tools=everything))
    assert ("RPL-UNCONSUMED", "a run of run_command") in {(each.code, each.replayed) for each in causes(found)}


def causes(found: Replay) -> list[Divergence]:
    return [*([found.divergence] if found.divergence else []), *found.others]


def test_each_area_of_our_source_is_mutated_and_no_mutation_twice() -> None:
    assert len({attrs.evolve(mutation, name="") for mutation in MUTATIONS}) == len(MUTATIONS) == 131
    assert set(AREAS) >= {"decide", "fold", "dispatch", "parsing", "rendering", "limits", "grading", "reward", "codec"}


def test_each_mutation_fits_the_source_as_it_is() -> None:
    """Else only the long campaign would tell, whose turn comes late."""
    package = Path(coding_agent.__file__).parent
    assert [each.name for each in MUTATIONS if each.old not in (package / each.file).read_text(encoding="utf-8")] == []


def test_the_unchanged_copy_is_told_nothing_of(tmp_path: Path) -> None:
    assert said_of(None, tmp_path, GOLDEN) == "nothing"


@pytest.mark.parametrize("name", sorted({mutation.played for mutation in MUTATIONS} - {""}))
def test_an_episode_that_is_played_again_is_the_recorded_one(name: str) -> None:
    assert difference(str(GOLDEN[0].with_name(f"{name}.jsonl"))) is None


def test_the_recorded_episodes_hold_the_types_that_runs_write() -> None:
    found = {record.type for path in GOLDEN for record in read_records(path)}
    assert found >= set(WIRE_NAMES.values()) - {"label", "resumed"}
