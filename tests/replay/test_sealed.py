from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import attrs
import orjson
import pytest

from coding_agent.events.codec import field_kinds
from coding_agent.events.kinds import FieldKind
from coding_agent.events.line import Record
from coding_agent.events.schema import WIRE_NAMES
from coding_agent.replay.sealed import replay, replay_log
from coding_agent.store.reader import read_records
from tests.rollout.worlds import FIX, SUBMIT, job, roll_out, script

CLASSES = {name: cls for cls, name in WIRE_NAMES.items()}
EVERYTHING = script(
    ("run_tests", "{}"), ("nonsense", "{}"), ("read_file", '{"path": 3}'), ("search", "{"), FIX,
    ("run_command", '{"command": "true"}'), SUBMIT,
)  # fmt: skip


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> list[Record]:
    folder = tmp_path_factory.mktemp("replay") / "run"
    (outcome,) = anyio.run(roll_out, folder, [job(EVERYTHING)])
    assert replay_log(outcome.path).divergence is None
    return list(read_records(outcome.path))


def mutated(value: Any) -> Any:
    """Another value of the same type."""
    match value:
        case bool():
            return not value
        case int() | float():
            return value + 1
        case str():
            return value + "~"
        case dict():
            return {**value, "~": "~"}
        case list():
            return [*value, "~"]
        case _:
            return "~"


def mutations(recorded: list[Record]) -> Iterator[tuple[Record, str, FieldKind]]:
    for record in recorded:
        for name, kind in field_kinds(CLASSES[record.type]).items():
            if kind is not FieldKind.OBSERVED and name in record.data:
                yield record, name, kind


def test_every_mutated_field_of_every_event_is_reported_at_its_event(recorded: list[Record]) -> None:
    missed, tried = [], 0
    for record, name, kind in mutations(recorded):
        data = {**record.data, name: mutated(record.data[name])}
        changed = [attrs.evolve(r, data=data) if r.seq == record.seq else r for r in recorded]
        tried += 1
        try:
            found = replay(changed).divergence
        except Exception:  # noqa: BLE001  a value outside the schema is refused even earlier
            continue
        if (
            found is None
            or found.seq != record.seq
            or (kind is FieldKind.DERIVED and not found.path.startswith(f"{record.type}.{name}"))
        ):
            missed.append((record.seq, record.type, name, found))
    assert not missed
    assert tried > 60


def test_an_event_too_few_is_a_divergence(recorded: list[Record]) -> None:
    for gone in range(1, len(recorded) - 1):
        kept = [record for record in recorded if record.seq != gone]
        assert replay(kept).divergence is not None


def test_an_event_after_the_end_is_a_divergence(recorded: list[Record]) -> None:
    found = replay([*recorded, attrs.evolve(recorded[1], seq=99)]).divergence
    assert found is not None
    assert found.code == "RPL-EXTRA"


def test_observational_fields_are_not_compared(recorded: list[Record]) -> None:
    def slower(record: Record) -> Record:
        slow = {key: 99.5 if key == "latency_s" else value for key, value in record.data.items()}
        return attrs.evolve(record, at="whenever", data=slow)

    assert replay(map(slower, recorded)).divergence is None


def test_a_prefix_replays_and_is_not_sealed(recorded: list[Record]) -> None:
    for size in range(1, len(recorded)):
        found = replay(recorded[:size])
        assert (found.divergence, found.sealed, found.events) == (None, False, size)


def test_a_mutated_reply_is_told_as_given(recorded: list[Record]) -> None:
    turn = next(record for record in recorded if record.type == "model_turn")
    changed = [attrs.evolve(r, data={**r.data, "content": "lies"}) if r is turn else r for r in recorded]
    found = replay(changed).divergence
    assert found is not None
    assert (found.seq, found.code) == (turn.seq, "RPL-GIVEN")


GOLDEN = sorted((Path(__file__).parents[2] / "replays").glob("*.jsonl"))


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.name)
def test_todays_code_derives_every_recorded_episode(path: Path) -> None:
    found = replay_log(path)
    assert (found.divergence, found.sealed) == (None, True)


def test_there_are_recorded_episodes() -> None:
    assert "ep123.jsonl" in {path.name for path in GOLDEN}
    assert orjson.loads(GOLDEN[0].read_bytes().splitlines()[0])["type"] == "episode_started"
