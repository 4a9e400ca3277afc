"""A reward of the user's own: where it fails, every reader sees the same masked episode; where it changed, it is told."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any

import pytest

from coding_agent.areno.config import ArenoConfig
from coding_agent.areno.training_run import open_run
from coding_agent.store.rundir import RunDirectory
from tests.areno.conftest import MakeRecords
from tests.areno.stand import EASY, Engine, play, prompt_batch, quitter, solver, trainer
from tests.areno.test_export import OWN
from tests.areno.test_tensorboard import parsed
from tests.areno.test_trouble import OTHER, per_task
from tests.cli.test_commands import run
from tests.samples import toy_episode, write_log


def scalar(folder: Path, name: str) -> float:
    (file,) = (folder / "coding_agent").iterdir()
    (data,) = (each for each in parsed(file.read_bytes()) if f"coding_agent/{name}\x15".encode() in each)
    (value,) = struct.unpack("<f", data[-4:])
    return float(value)


def test_an_episode_on_which_the_reward_fails_is_masked_in_every_figure(records: MakeRecords, tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(OWN.replace("LIMIT", "3"))
    engine = Engine(per_task({EASY: solver(), OTHER: quitter}))
    options = {"reward": str(tmp_path / "own.py"), "tensorboard": str(tmp_path)}
    play(trainer(engine, n_samples=1), prompt_batch(engine, records(EASY, OTHER, **options)))
    (log,) = (tmp_path / "run" / "episodes" / EASY).iterdir()
    told = f"{log}: masked: the reward function failed: AssertionError: too long for me (line 6 of"
    stats = run("stats", tmp_path / "run", "--by-step", "--json")
    (step,) = json.loads(stats.stdout)["steps"]
    assert (stats.returncode, step["run"]["episodes"], step["masked"]) == (0, 2, {"submitted": 1})
    assert [scalar(tmp_path, name) for name in ("episodes", "masked", "pass_rate")] == [2, 1, 0.5]
    scored = run("score", tmp_path / "run", "--json")
    assert (scored.returncode, json.loads(scored.stdout)["masked"]) == (1, 1)
    assert told in " ".join(stats.stderr.split())
    assert told in " ".join(scored.stderr.split())


def test_a_reward_that_calls_pytest_fail_ends_no_training(records: MakeRecords, tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text("import pytest\ndef reward(events):\n    pytest.fail('not good enough')\n")
    engine = Engine(quitter)
    batch = prompt_batch(engine, records(reward=str(tmp_path / "own.py")))
    rolled, _ = play(trainer(engine, n_samples=1), batch)
    assert rolled.rewards == [0.0]


def test_a_reward_that_is_true_or_false_is_told_with_what_to_return(
    records: MakeRecords, tmp_path: Path, capfd: Any
) -> None:
    (tmp_path / "own.py").write_text("def reward(events):\n    return True\n")
    engine = Engine(quitter)
    options = {"reward": str(tmp_path / "own.py"), "max_dead_steps": 2}
    made, batch = trainer(engine, n_samples=1), prompt_batch(engine, records(**options))
    play(made, batch)
    assert "returned True; expected a finite number of at most 1e+06 either way" in capfd.readouterr().err
    with pytest.raises(RuntimeError, match="return 1.0 for true and 0.0 for false"):
        play(made, batch)


ONCE = """
asked = set()
def reward(events):
    first = events[0]
    assert first.sample or first.episode not in asked, "not again"
    asked.add(first.episode)
    return [1.0, 0.5, 0.25][first.sample]
"""


def test_a_reward_that_fails_when_areno_asks_gives_its_sample_the_mean_of_the_others(
    records: MakeRecords, tmp_path: Path
) -> None:
    (tmp_path / "own.py").write_text(ONCE)
    engine = Engine(quitter)
    rolled, _ = play(trainer(engine, n_samples=3), prompt_batch(engine, records(reward=str(tmp_path / "own.py"))))
    assert rolled.rewards == [0.375, 0.5, 0.25]


@pytest.fixture
def rewarded(tmp_path: Path) -> Path:
    """The log of a training run with a reward of its own: 0.25."""
    (tmp_path / "own.py").write_text("def reward(events):\n    return 0.25\n")
    config = ArenoConfig(run_dir=str(tmp_path / "run"), reward=str(tmp_path / "own.py"))
    log = open_run(config).log_path("toy", 0, 0)
    log.parent.mkdir()
    return write_log(log, toy_episode())


@pytest.mark.parametrize("command", [["score"], ["stats", "--by-step"], ["export", "--format", "sft"]], ids=str)
def test_a_reward_file_that_changed_since_is_told(rewarded: Path, tmp_path: Path, command: list[str]) -> None:
    assert "is not the file" not in run(*command, tmp_path / "run").stderr
    (tmp_path / "own.py").write_text("def reward(events):\n    return 0.5\n")
    done = run(*command, tmp_path / "run")
    assert (done.returncode, "own.py is not the file that the run was begun with" in done.stderr) == (0, True)


def test_going_on_with_another_file_of_the_same_name_is_told(rewarded: Path, tmp_path: Path, capfd: Any) -> None:
    config = ArenoConfig(run_dir=str(tmp_path / "run"), reward=str(tmp_path / "own.py"))
    open_run(config)
    assert "the reward changed" not in "".join(capfd.readouterr())
    (tmp_path / "own.py").write_text("def reward(events):\n    return 0.5\n")
    open_run(config)
    assert "is not the file that the run was begun with" in "".join(capfd.readouterr())


def test_without_the_reward_file_stats_show_the_rest_and_say_so(rewarded: Path, tmp_path: Path) -> None:
    (tmp_path / "own.py").unlink()
    done = run("stats", tmp_path / "run", "--by-step", "--json")
    (step,) = json.loads(done.stdout)["steps"]
    assert (done.returncode, step["run"]["pass_rate"], step["parts"], step["reward_mean"]) == (1, 1.0, {}, None)
    assert "own.py is not a Python file; without it" in done.stderr


def test_one_log_is_worth_what_its_run_says(rewarded: Path, tmp_path: Path) -> None:
    assert json.loads(run("score", rewarded, "--json").stdout)["mean"] == 0.25
    assert json.loads(run("score", rewarded.parent, "--json").stdout)["mean"] == 0.25
    weighed = ArenoConfig(run_dir=str(tmp_path / "other"), weights={"lines_added": -0.25})
    log = open_run(weighed).log_path("toy", 0, 0)
    log.parent.mkdir()
    write_log(log, toy_episode())
    assert json.loads(run("score", log, "--json").stdout)["mean"] == 0.75
    assert RunDirectory(tmp_path / "other").configuration["areno"].get("reward_sha256") is None


SLOW = """
import threading
def reward(events):
    for thread in threading.enumerate():
        if isinstance(thread, threading.Timer):
            thread.join()
    return 0.5
"""


def test_a_reward_that_takes_its_time_is_told_of_while_it_does(
    records: MakeRecords, tmp_path: Path, capfd: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("coding_agent.areno.adapter.SLOW_S", 0.01)
    (tmp_path / "own.py").write_text(SLOW)
    engine = Engine(quitter)
    batch = prompt_batch(engine, records(reward=str(tmp_path / "own.py")))
    rolled, _ = play(trainer(engine, n_samples=1), batch)
    assert rolled.rewards == [0.5]
    told = capfd.readouterr().err
    assert "a reward is not there yet" in told
    assert f"{EASY}/0.0.jsonl" in told
