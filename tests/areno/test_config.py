"""How the hooks are told what to do, and what a mistake in it says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import attrs
import pytest

from coding_agent.areno.config import OTHERS, ArenoConfig, load_config
from coding_agent.areno.curriculum import Curriculum
from coding_agent.areno.records import load_records
from coding_agent.areno.verdict import KEY
from coding_agent.errors import LogLocked, SandboxUnavailable, TaskError, UsageError
from coding_agent.store.rundir import RunDirectory
from tests.areno.by_path import HOOKS
from tests.areno.stand import EASY, TASKS


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
        ("max_seconds = inf", "max_seconds: expected a finite number of at most 2^53, found inf"),
        ("max_turns = 9007199254740993", "max_turns: expected a finite number of at most 2^53, found 9007199254740993"),
        ("seed = -9007199254740993", "seed: expected a finite number of at most 2^53, found -9007199254740993"),
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
        ("MAX_TOKENS", "1e300", "max_tokens: expected an integer, found 1e+300"),
        ("STEP_SECONDS", "inf", "step_seconds: expected a finite number of at most 2^53, found inf"),
        ("CURRICULUM", "{window = 4}", "window: expected 0, or at least as many as min_samples, 8, found 4"),
    ],
)
def test_a_mistake_in_the_environment_names_the_variable(name: str, text: str, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_config(TASKS, {f"CODING_AGENT_{name}": text})
    assert str(caught.value) == f"CODING_AGENT_{name}: {told}"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("MAX_TURN", "did you mean CODING_AGENT_MAX_TURNS?"),
        ("RUN_DIRECTORY", "did you mean CODING_AGENT_RUN_DIR?"),
        ("COLOUR", "expected one of CODING_AGENT_TASKS, CODING_AGENT_RUN_DIR, "),
    ],
)
def test_a_variable_that_is_no_option_is_told_with_the_nearest(name: str, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        load_config(TASKS, {f"CODING_AGENT_{name}": "3"})
    assert str(caught.value).startswith(f"CODING_AGENT_{name}: there is no such option; {told}")


def test_variables_of_other_parts_are_left_to_them() -> None:
    root = Path(__file__).parents[2]
    every = [path.read_text() for place in ("src", "tests", "scripts") for path in (root / place).rglob("*.py")]
    read = {name for text in every for name in re.findall(r'"(CODING_AGENT_[A-Z_]+)"', text)}
    options = {f"CODING_AGENT_{name.upper()}" for name in attrs.fields_dict(ArenoConfig)}
    assert read - options == OTHERS
    own = {"CODING_AGENT_RUN_DIR": "/r"}
    assert load_config(TASKS, {**own, **dict.fromkeys(OTHERS, "1")}) == load_config(TASKS, own)


def test_paths_in_the_environment_are_relative_to_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").mkdir()
    (tmp_path / "file" / "train.toml").write_text('run_dir = "r"\n[curriculum]\nlogs = ["l"]\n')
    monkeypatch.chdir(tmp_path)
    own = load_config("file/train.toml", {})
    assert (own.run_dir, own.curriculum.logs) == (f"{tmp_path}/file/r", (f"{tmp_path}/file/l",))
    environ = {"CODING_AGENT_RUN_DIR": "r", "CODING_AGENT_TASKS": "t", "CODING_AGENT_CURRICULUM": '{logs = ["l"]}'}
    told = load_config("file/train.toml", environ)
    assert (told.run_dir, told.tasks, told.curriculum.logs) == (f"{tmp_path}/r", (f"{tmp_path}/t",), (f"{tmp_path}/l",))


def test_of_a_table_the_environment_outweighs_single_keys(tmp_path: Path) -> None:
    text = "[curriculum]\norder = 'adaptive'\nmin_samples = 4\n[weights]\ntampering = -1.0\nlines_added = -0.5\n"
    (tmp_path / "train.toml").write_text(text)
    environ = {"CODING_AGENT_CURRICULUM": "{explore = 0.1, window = 5}", "CODING_AGENT_WEIGHTS": "{lines_added = 0}"}
    config = load_config(tmp_path / "train.toml", environ)
    assert config.curriculum == Curriculum(order="adaptive", min_samples=4, explore=0.1, window=5)
    assert config.weights == {"tampering": -1.0, "lines_added": 0.0}


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


def test_a_task_is_found_whatever_a_link_to_it_is_called(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks" / "easy").symlink_to(TASKS / EASY)
    monkeypatch.setenv("CODING_AGENT_SANDBOX", "local")
    monkeypatch.setenv("CODING_AGENT_RUN_DIR", str(tmp_path / "run"))
    (record,) = load_records(str(tmp_path / "tasks"))
    assert (record[KEY]["task"], record[KEY]["folder"]) == (EASY, str(TASKS / EASY))


def test_a_broken_task_is_told_before_any_model_is_loaded(tmp_path: Path) -> None:
    (tmp_path / "t").mkdir()
    (tmp_path / "t" / "task.toml").write_text("id = 3")
    with pytest.raises(TaskError, match="t/task.toml"):
        load_records(str(tmp_path))


def test_a_sandbox_that_can_not_be_opened_is_told_before_any_model_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "train.toml").write_text(f'tasks = ["{TASKS}"]\nsandbox = "container:an-image"\nrun_dir = "run"\n')
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SandboxUnavailable, match="install podman"):
        load_records(str(tmp_path / "train.toml"))


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
        ('reward = "nowhere.py"', "^reward .*nowhere.py is not a Python file"),
        ("retries = -1", "retries"),
    ],
)
def test_what_would_only_show_in_training_is_told_by_the_loader(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "train.toml").write_text(f'tasks = ["{TASKS}"]\nsandbox = "local"\nrun_dir = "run"\n{text}\n')
    with pytest.raises(UsageError, match=told):
        load_records(str(tmp_path / "train.toml"))


@pytest.mark.parametrize(
    "words", [["--algo", "ppo"], ["--algo", "grpo", "--algo=ppo"], ["--algo", "PPO "]], ids=" ".join
)
def test_an_algorithm_that_would_learn_from_a_stand_in_is_refused_by_the_loader(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str]
) -> None:
    monkeypatch.setenv("CODING_AGENT_SANDBOX", "local")
    monkeypatch.setenv("CODING_AGENT_RUN_DIR", str(tmp_path / "run"))
    monkeypatch.setitem(sys.modules, "areno.cli.train", sys)
    monkeypatch.setattr(sys, "argv", ["areno", "train", *words])
    with pytest.raises(UsageError, match="--algo ppo: expected gspo or grpo"):
        load_records(str(TASKS))
    monkeypatch.setattr(sys, "argv", ["areno", "train", *words, "--algo", "gspo"])
    assert load_records(str(TASKS))


def test_a_run_directory_that_is_in_use_is_told_by_the_loader(tmp_path: Path) -> None:
    (tmp_path / "train.toml").write_text(f'tasks = ["{TASKS}"]\nsandbox = "local"\nrun_dir = "run"\n')
    load_records(str(tmp_path / "train.toml"))
    manifest = RunDirectory.open(tmp_path / "run").manifest()
    with pytest.raises(LogLocked):
        load_records(str(tmp_path / "train.toml"))
    manifest.close()
