from __future__ import annotations

from pathlib import Path

import anyio
import attrs
import orjson
import pytest

from coding_agent.events.line import Record
from coding_agent.replay.sealed import replay, replay_log
from coding_agent.store.reader import read_records
from tests.replay.field_mutations import mutations, noticed
from tests.rollout.worlds import FIX, SUBMIT, job, roll_out, script

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


def test_every_changed_value_of_a_live_episode_is_reported_where_it_is(recorded: list[Record], tmp_path: Path) -> None:
    tried = list(mutations(recorded))
    assert [mutation.what for mutation in tried if not noticed(recorded, mutation, tmp_path)] == []
    assert len(tried) > 60


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
