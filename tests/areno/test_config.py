"""How the hooks are told what to do, and what a mistake in it says."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from coding_agent.areno.config import ArenoConfig, load_config
from coding_agent.areno.records import load_records
from coding_agent.areno.verdict import KEY
from coding_agent.errors import LogLocked, TaskError, UsageError
from coding_agent.store.rundir import RunDirectory
from tests.areno.stand import HOOKS, TASKS


def test_a_folder_of_tasks_is_a_whole_configuration() -> None:
    config = load_config(TASKS, {})
    assert config.tasks == (str(TASKS),)
    assert Path(config.run_dir).parent.name == "runs"


def test_paths_in_a_file_are_relative_to_it(tmp_path: Path) -> None:
    (tmp_path / "train.toml").write_text('tasks = ["t"]\nrun_dir = "r"\nreward = "mine.py:f"\n')
    config = load_config(tmp_path / "train.toml", {})
    assert (config.tasks, config.run_dir) == ((str(tmp_path / "t"),), str(tmp_path / "r"))
    assert config.reward == f"{tmp_path / 'mine.py'}:f"


def test_the_environment_outweighs_the_file(tmp_path: Path) -> None:
    (tmp_path / "train.toml").write_text('max_turns = 3\nsandbox = "local"\n')
    environ = {"CODING_AGENT_MAX_TURNS": "7", "CODING_AGENT_DRIFT": "cut", "CODING_AGENT_WEIGHTS": "{tampering = -1.0}"}
    config = load_config(tmp_path / "train.toml", environ)
    assert (config.max_turns, config.drift, config.weights) == (7, "cut", {"tampering": -1.0})
    assert config.sandbox == "local"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("max_turn = 3", "max_turn"),
        ('max_turns = "many"', "max_turns"),
        ("step_seconds = 0", "step_seconds: expected a number above 0, found 0"),
        ('trainable = "some"', "trainable"),
        ("curriculum = 3", "curriculum"),
        ("= 3", "not TOML"),
    ],
)
def test_a_mistake_names_file_and_key(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "train.toml").write_text(text)
    with pytest.raises(UsageError) as caught:
        load_config(tmp_path / "train.toml", {})
    assert str(tmp_path / "train.toml") in str(caught.value)
    assert told in str(caught.value)


def test_a_configuration_survives_its_way_through_a_record() -> None:
    config = ArenoConfig(tasks=("a",), weights={"x": 0.5}, max_turns=3)
    assert ArenoConfig.from_json(config.to_json()) == config


def test_records_come_easiest_first_and_carry_all_that_the_hooks_need(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CODING_AGENT_SANDBOX", "local")
    monkeypatch.setenv("CODING_AGENT_RUN_DIR", str(tmp_path / "run"))
    records = load_records(str(TASKS))
    assert [record[KEY]["task"] for record in records[:2]] == ["interval-gap", "money-split"]
    assert all(Path(record[KEY]["folder"], "task.toml").is_file() for record in records)
    assert all(len(record["prompt"]) > 100 for record in records)


def test_a_broken_task_is_told_before_any_model_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "task.toml").write_text("id = 3")
    with pytest.raises(TaskError, match="t/task.toml"):
        load_records(str(tmp_path))


@pytest.mark.parametrize("name", ["run_agent", "reward", "dataset_loader"])
def test_a_hook_passes_areno_s_own_inspection(name: str) -> None:
    expected = {"run_agent": "run_agent", "reward": "reward_fn", "dataset_loader": "load_training_dataset"}[name]
    program = (
        "from pathlib import Path; from areno.cli.train import _validate_python_callable as check;"
        f"check(Path({str(HOOKS / name)!r} + '.py'), {expected!r}, option_name='x', expected='y', positional_args={expected.count('agent') + 1})"
    )
    subprocess.run([sys.executable, "-c", program], check=True, capture_output=True)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('toolset = "nope"', "toolset: expected one of"),
        ("weights = {speed = 1.0}", "weights: expected finite numbers for"),
        ("weights = {files_changed = nan}", "weights: expected finite numbers for"),
        ('reward = "nowhere.py"', "nowhere.py is not a Python file"),
        ("retries = -1", "retries"),
    ],
)
def test_what_would_only_show_in_training_is_told_by_the_loader(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "train.toml").write_text(f'tasks = ["{TASKS}"]\nsandbox = "local"\nrun_dir = "run"\n{text}\n')
    with pytest.raises(UsageError, match=told):
        load_records(str(tmp_path / "train.toml"))


def test_a_run_directory_that_is_in_use_is_told_by_the_loader(tmp_path: Path) -> None:
    (tmp_path / "train.toml").write_text(f'tasks = ["{TASKS}"]\nsandbox = "local"\nrun_dir = "run"\n')
    load_records(str(tmp_path / "train.toml"))
    manifest = RunDirectory.open(tmp_path / "run").manifest()
    with pytest.raises(LogLocked):
        load_records(str(tmp_path / "train.toml"))
    manifest.close()
