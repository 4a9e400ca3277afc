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
from tests.areno.by_path import HOOKS
from tests.areno.stand import TASKS


def test_a_folder_of_tasks_is_a_whole_configuration() -> None:
    config = load_config(TASKS, {})
    assert config.tasks == (str(TASKS),)
    assert Path(config.run_dir).parent.name == "runs"


def test_paths_in_a_file_are_relative_to_it(tmp_path: Path) -> None:
    (tmp_path / "train.toml").write_text('tasks = ["t"]\nrun_dir = "r"\nreward = "mine.py:f"\ntensorboard = "m"\n')
    config = load_config(tmp_path / "train.toml", {})
    assert (config.tasks, config.run_dir) == ((str(tmp_path / "t"),), str(tmp_path / "r"))
    assert (config.reward, config.tensorboard) == (f"{tmp_path / 'mine.py'}:f", str(tmp_path / "m"))


def test_the_environment_outweighs_the_file(tmp_path: Path) -> None:
    (tmp_path / "train.toml").write_text('max_turns = 3\nsandbox = "local"\n')
    environ = {"CODING_AGENT_MAX_TURNS": "7", "CODING_AGENT_DRIFT": "cut", "CODING_AGENT_WEIGHTS": "{tampering = -1.0}"}
    config = load_config(tmp_path / "train.toml", environ)
    assert (config.max_turns, config.drift, config.weights) == (7, "cut", {"tampering": -1.0})
    assert config.sandbox == "local"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("max_turn = 3", "max_turn: there is no such option; did you mean max_turns?"),
        ("colour = 3", "colour: there is no such option; expected one of tasks, run_dir,"),
        ('max_turns = "many"', "max_turns: expected an integer, found 'many'"),
        ("max_turns = 1.7", "max_turns: expected an integer, found 1.7"),
        ("retries = 1.7", "retries: expected an integer, found 1.7"),
        ("concurrency = true", "concurrency: expected an integer, found True"),
        ("seed = 0.0", "seed: expected an integer, found 0.0"),
        ('step_seconds = "60"', "step_seconds: expected a number, found '60'"),
        ("step_seconds = true", "step_seconds: expected a number, found True"),
        ("step_seconds = 0", "step_seconds: expected a number above 0, found 0"),
        ("step_seconds = nan", "step_seconds: expected a number above 0, found nan"),
        ("run_dir = 7", "run_dir: expected text, found 7"),
        ('tasks = "mine"', "tasks: expected a list, found 'mine'"),
        ("tasks = [7]", "tasks[0]: expected text, found 7"),
        ('trainable = "some"', "trainable: expected one of all, last, final_answer, tool_arguments, found 'some'"),
        ("weights = [1]", "weights: expected an object, found [1]"),
        ('weights = {tampering = "-1"}', "weights.tampering: expected a number, found '-1'"),
        ("curriculum = 3", "curriculum: expected an object, found 3"),
        ("curriculum = {explore = true}", "curriculum.explore: expected a number, found True"),
        ("curriculum = {min_samples = 2.5}", "curriculum.min_samples: expected an integer, found 2.5"),
        ("curriculum = {explor = 0.5}", "explor: there is no such option; did you mean explore?"),
        ("curriculum = {difficulty = [1]}", "difficulty: expected the lowest and the highest, found [1]"),
        ("= 3", "not TOML"),
    ],
)
def test_a_mistake_names_file_and_key(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "train.toml").write_text(text)
    with pytest.raises(UsageError) as caught:
        load_config(tmp_path / "train.toml", {})
    assert str(tmp_path / "train.toml") in str(caught.value)
    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("RETRIES", "1.7", "retries: expected an integer, found 1.7"),
        ("CONCURRENCY", "true", "concurrency: expected an integer, found True"),
        ("MAX_TURNS", "many", "max_turns: expected an integer, found 'many'"),
        ("TRAINABLE", "some", "trainable: expected one of all, last, final_answer, tool_arguments, found 'some'"),
        ("WEIGHTS", "3", "weights: expected an object, found 3"),
    ],
)
def test_a_mistake_in_the_environment_names_the_variable(name: str, text: str, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_config(TASKS, {f"CODING_AGENT_{name}": text})
    assert str(caught.value) == f"CODING_AGENT_{name}: {told}"


def test_the_environment_needs_no_quotes_and_no_brackets() -> None:
    config = load_config(
        TASKS, {"CODING_AGENT_TASKS": "/mine", "CODING_AGENT_RUN_DIR": "/7", "CODING_AGENT_REWARD": "3"}
    )
    assert (config.tasks, config.run_dir, Path(config.reward or "").name) == (("/mine",), "/7", "3")
    assert load_config(TASKS, {"CODING_AGENT_TASKS": '["/a", "/b"]'}).tasks == ("/a", "/b")


def test_a_number_of_seconds_needs_no_point(tmp_path: Path) -> None:
    (tmp_path / "train.toml").write_text("step_seconds = 60\nweights = {tampering = -1}\n")
    config = load_config(tmp_path / "train.toml", {})
    assert (config.step_seconds, config.weights) == (60.0, {"tampering": -1.0})


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
        ("weights = {speed = 1.0}", "weights: expected numbers of at most"),
        ("weights = {files_changed = nan}", "weights: expected numbers of at most"),
        ("weights = {lines_added = 1e9}", "found lines_added = 1000000000.0"),
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
