"""Curves: the bytes are TensorBoard's own, the place is AReno's, and nothing that goes wrong costs a step."""

from __future__ import annotations

import json
import math
import struct
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coding_agent.areno import event_file
from coding_agent.areno.config import ArenoConfig
from coding_agent.areno.tensorboard import metrics_folder, record_step
from coding_agent.evaluation.step_logs import attempts
from coding_agent.projections.step_scalars import step_scalars
from coding_agent.projections.steps import by_step
from coding_agent.store.rundir import RunDirectory
from tests.areno.conftest import MakeRecords
from tests.areno.stand import EASY, Engine, Model, play, prompt_batch, quitter, solver, trainer, turn_of
from tests.areno.test_trouble import OTHER, killer, per_task
from tests.cli.test_commands import run
from tests.projections.facts import ended, facts_of

OPENED = "1800000000000000a37f4b220900001040fc54d9411a0d627261696e2e4576656e743a32338d2fe9"
REWARD = (
    "2a00000000000000ae8d91f50900001040fc54d94110ac022a1c0a1a0a13"
    "636f64696e675f6167656e742f726577617264150000c03e719c7c8d"
)
"""Written by tensorboard 2.21."""
WHEN = 1700000000.25


def parsed(data: bytes) -> list[bytes]:
    """What a file holds, each checksum checked."""
    found = []
    while data:
        (size,) = struct.unpack("<Q", data[:8])
        assert data[: 16 + size] == event_file.record(data[12 : 12 + size])
        found.append(data[12 : 12 + size])
        data = data[16 + size :]
    return found


def test_the_checksum_is_castagnoli() -> None:
    assert event_file.crc32c(b"123456789") == 0xE3069283
    assert event_file.crc32c(bytes(32)) == 0x8A9136AA


def test_records_are_byte_for_byte_those_of_tensorboard() -> None:
    assert event_file.opening(WHEN).hex() == OPENED
    assert event_file.scalars(300, {"coding_agent/reward": 0.375}, WHEN).hex() == REWARD


@given(st.dictionaries(st.text(min_size=1), st.floats(width=32, allow_nan=False)), st.integers(0, 2**40))
def test_there_is_one_record_to_a_scalar(values: dict[str, float], step: int) -> None:
    found = parsed(event_file.scalars(step, values, WHEN))
    assert len(found) == len(values)
    for (name, value), data in zip(values.items(), found, strict=True):
        assert name.encode() in data
        assert data.endswith(struct.pack("<f", value))


def test_a_number_too_large_for_the_format_is_infinite() -> None:
    (data,) = parsed(event_file.scalars(0, {"a": -1e300}, WHEN))
    assert data.endswith(struct.pack("<f", -math.inf))


def test_a_step_adds_a_point_to_one_file_of_this_process(tmp_path: Path) -> None:
    config = ArenoConfig(tensorboard=str(tmp_path))
    for step in range(2):
        record_step(config, step, [facts_of(ended(solved=True), step=step)])
    (file,) = (tmp_path / "coding_agent").iterdir()
    assert file.name.startswith("events.out.tfevents.")
    tags = [data for data in parsed(file.read_bytes()) if b"coding_agent/reward\x15" in data]
    assert [data[-4:] for data in tags] == [struct.pack("<f", 1.0)] * 2


@pytest.mark.parametrize(("model", "begun_again"), [(solver(), 0), (killer, 2)], ids=["solved", "begun again"])
def test_the_curves_of_a_step_are_what_its_logs_say(
    records: MakeRecords, tmp_path: Path, model: Model, begun_again: int
) -> None:
    engine = Engine(model)
    play(trainer(engine, n_samples=2), prompt_batch(engine, records(tensorboard=str(tmp_path))))
    (file,) = (tmp_path / "coding_agent").iterdir()
    found = attempts(RunDirectory.open(tmp_path / "run").logs(), of_one_run=True, warn=print)
    (step,) = by_step(found.final, found.superseded)
    assert step.attempts == begun_again
    _, *written = parsed(file.read_bytes())
    for data, (tag, value) in zip(written, step_scalars(step).items(), strict=True):
        assert data.endswith(tag.encode() + b"\x15" + struct.pack("<f", value))


def first_does(first: Model, others: Model) -> Model:
    """One episode goes its own way."""
    begun: list[str] = []

    def model(prompt: str) -> str:
        if turn_of(prompt) == 1:
            begun.append(prompt)
        return (first if len(begun) == 1 else others)(prompt)

    return model


def test_line_figures_and_curves_of_a_step_count_its_groups_alike(
    records: MakeRecords, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    engine = Engine(per_task({EASY: quitter, OTHER: first_does(killer, quitter)}))
    asked = records(EASY, OTHER, retries=0, concurrency=1, tensorboard=str(tmp_path))
    play(trainer(engine, n_samples=2), prompt_batch(engine, asked))
    assert "masked_groups=1 zero_variance_groups=1" in capfd.readouterr().err
    (step,) = json.loads(run("stats", tmp_path / "run", "--by-step", "--json").stdout)["steps"]
    counted = {"mixed": 0, "all_pass": 0, "all_fail": 1, "ungraded": 0, "masked": 1, "zero_variance": 1}
    assert step["groups"] == counted
    (file,) = (tmp_path / "coding_agent").iterdir()
    _, *written = parsed(file.read_bytes())
    for kind, count in counted.items():
        end = f"coding_agent/groups/{kind}".encode() + b"\x15" + struct.pack("<f", count)
        assert sum(data.endswith(end) for data in written) == 1


def test_the_line_of_a_step_says_what_areno_gets(records: MakeRecords, capfd: pytest.CaptureFixture[str]) -> None:
    engine = Engine(first_does(quitter, solver()))
    batch = prompt_batch(engine, records(concurrency=1))
    rolled, _ = play(trainer(engine, n_samples=4), batch)
    assert sorted(rolled.rewards) == [0.0, 1.0, 1.0, 1.0]
    assert "step=0 episodes=4 reward_mean=0.75 passed=3 masked_groups=0" in capfd.readouterr().err


def test_a_disk_that_refuses_never_costs_the_step(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "file").write_text("")
    record_step(ArenoConfig(tensorboard=str(tmp_path / "file")), 0, [facts_of(ended(solved=True))])
    assert "curves are not written" in "".join(capfd.readouterr())


@pytest.mark.parametrize(
    ("words", "place"),
    [
        ([], "/tmp/areno/tfevent"),
        (["areno", "train", "--metrics-log-dir", "/a"], "/a"),
        (["areno", "train", "--metrics-log-dir=/a", "--metrics-log-dir", "/b"], "/b"),
    ],
)
def test_curves_go_below_arenos_own_directory(words: list[str], place: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "areno.cli.train", sys)
    assert metrics_folder(ArenoConfig(), words) == Path(place) / "coding_agent"


def test_the_configuration_decides_and_nothing_is_written_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "areno.cli.train", raising=False)
    assert metrics_folder(ArenoConfig(), ["--metrics-log-dir", "/a"]) is None
    monkeypatch.setitem(sys.modules, "areno.cli.train", sys)
    assert metrics_folder(ArenoConfig(tensorboard="/c"), ["--metrics-log-dir", "/a"]) == Path("/c/coding_agent")
    assert metrics_folder(ArenoConfig(tensorboard="")) is None
