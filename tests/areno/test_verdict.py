"""The reward hook reads one log, named by the sample's record: it never guesses, never raises, is always finite."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import attrs
import pytest
from areno.api.rewards import compute_group_advantages
from hypothesis import given
from hypothesis import strategies as st

from coding_agent.areno.config import ArenoConfig
from coding_agent.areno.verdict import KEY, NO_SIGNAL, Verdict, score, with_verdict
from coding_agent.projections.reward import LARGEST, grained
from coding_agent.store.reader import verify
from tests.areno.by_path import HOOKS
from tests.samples import GRADE, toy_episode, write_log


def record(log: Path, *, config: ArenoConfig | None = None, **verdict: Any) -> SimpleNamespace:
    found = Verdict(**{"log": str(log), "head": verify(log).head, "masked": False, "neutral": 0.25, **verdict})
    return SimpleNamespace(source_record=with_verdict({KEY: {"config": (config or ArenoConfig()).to_json()}}, found))


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return write_log(tmp_path / "episode.jsonl", toy_episode())


def test_the_reward_of_a_sample_is_that_of_its_log(log: Path) -> None:
    assert score(record(log)) == 1.0


@given(value=st.floats(-LARGEST, LARGEST), samples=st.integers(2, 256))
def test_a_group_of_equal_rewards_has_no_advantage_with_areno(value: float, samples: int) -> None:
    assert set(compute_group_advantages([grained(value)] * samples)) == {0.0}


def test_weights_of_parts_count(log: Path) -> None:
    assert score(record(log, config=ArenoConfig(weights={"files_changed": -0.125}))) == 0.875


def test_a_function_of_the_users_own_is_asked_instead(log: Path, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text("def turns(events):\n    return len(events) / 8\n")
    assert score(record(log, config=ArenoConfig(reward=f"{tmp_path / 'mine.py'}:turns"))) == len(toy_episode()) / 8


@pytest.mark.parametrize("body", ["return float('nan')", "return 'good'", "raise RuntimeError('no')", "return None"])
def test_a_function_that_fails_gives_the_group_s_mean(log: Path, tmp_path: Path, body: str) -> None:
    (tmp_path / "bad.py").write_text(f"def reward(events):\n    {body}\n")
    assert score(record(log, config=ArenoConfig(reward=str(tmp_path / "bad.py")))) == 0.25


def test_a_masked_group_carries_no_signal(log: Path) -> None:
    assert score(record(log, masked=True)) == NO_SIGNAL


def test_a_log_that_is_gone_gives_the_group_s_mean(log: Path) -> None:
    asked = record(log)
    log.unlink()
    assert score(asked) == 0.25


def test_a_log_that_was_damaged_since_gives_the_group_s_mean(log: Path) -> None:
    asked = record(log)
    log.write_bytes(log.read_bytes().replace(b"passed", b"failed"))
    assert score(asked) == 0.25


def test_another_log_in_its_place_is_noticed(log: Path, tmp_path: Path) -> None:
    failed = attrs.evolve(GRADE, outcomes={"tests/test_a.py::test_x": "failed"})
    other = write_log(tmp_path / "other.jsonl", [failed if event is GRADE else event for event in toy_episode()])
    asked = record(other)
    other.write_bytes(log.read_bytes())
    assert score(asked) == 0.25


@pytest.mark.parametrize("source", [{}, {KEY: {}}, {KEY: {"config": {"no_such": 1}, "verdict": {}}}, {KEY: None}])
def test_a_record_of_somebody_else_has_no_signal_and_is_no_exception(source: dict[str, Any]) -> None:
    assert score(SimpleNamespace(source_record=source)) == NO_SIGNAL
    assert math.isfinite(score(None))


def test_what_goes_wrong_is_told_on_stderr_in_whatever_process_the_hook_is_asked() -> None:
    program = f"from areno.api.rewards import load_reward_fn; print(load_reward_fn({str(HOOKS / 'reward.py')!r})(None))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "0.0\n"
    assert "this record has no verdict" in done.stderr
    assert "\x1b" not in done.stderr  # no colours in a file
