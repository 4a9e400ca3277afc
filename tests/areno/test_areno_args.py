"""What `areno-args` prints is taken by AReno's own command line, whatever the folder of tasks is called."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from areno.cli.train import _load_dataset_for_training, _trainer_config_from_options, train_command
from click.testing import CliRunner

from coding_agent.areno.verdict import KEY
from coding_agent.cli.areno_args import HOOKS, command
from tests.areno.stand import EASY, TASKS

PRINT = 'printf "%s\\n" $("$0" -m coding_agent.cli.main areno-args "$1")'


def parsed(words: list[str]) -> Any:
    """AReno's configuration of a training run; its own inspection of the three hooks is passed."""
    with train_command.make_context("areno train", ["--ckpt", "model", *words]) as context:
        return _trainer_config_from_options(**context.params)


def printed(*arguments: object) -> list[str]:
    done = CliRunner().invoke(command, list(map(str, arguments)))
    assert done.exit_code == 0, done.output
    return done.output.split()


def told(*arguments: object) -> str:
    """The one line that a user sees."""
    words = [sys.executable, "-m", "coding_agent.cli.main", "areno-args", *map(str, arguments)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    return done.stderr.strip().splitlines()[-1]


@pytest.mark.parametrize("name", ["tasks", "my own * [tasks]", "tâches $HOME 'quoted'"])
def test_a_shell_splits_it_into_what_areno_accepts_and_the_tasks_are_found(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / name).mkdir()
    (tmp_path / name / EASY).symlink_to(TASKS / EASY)
    done = subprocess.run(
        ["sh", "-c", PRINT, sys.executable, str(tmp_path / name)], capture_output=True, text=True, check=True
    )
    config = parsed(done.stdout.splitlines())
    monkeypatch.setenv("CODING_AGENT_SANDBOX", "local")
    monkeypatch.setenv("CODING_AGENT_RUN_DIR", str(tmp_path / "run"))
    records = _load_dataset_for_training(
        config.dataset_path, dataset_loader_fn=config.dataset_loader_fn, load_dataset=None, load_from_disk=None
    )
    assert [record[KEY]["task"] for record in records] == [EASY]


def test_the_three_hooks_and_the_limits_are_among_it() -> None:
    config = parsed(printed(TASKS))
    assert (config.agent_fn, config.reward_fn_path) == (str(HOOKS / "run_agent.py"), str(HOOKS / "reward.py"))
    limits = (config.max_prompt_tokens, config.max_new_tokens, config.max_context_len, config.mini_bs)
    assert limits == (4096, 2048, 16384, 1)


@pytest.mark.parametrize("option", ["max_context_len", "max_new_tokens", "max_prompt_tokens"])
def test_each_option_arrives(option: str) -> None:
    assert getattr(parsed(printed(TASKS, "--" + option.replace("_", "-"), 777)), option) == 777


def test_what_is_given_after_it_counts() -> None:
    assert parsed([*printed(TASKS), "--mini-bs", "4"]).mini_bs == 4


def test_a_file_of_options_is_passed_on(tmp_path: Path) -> None:
    (tmp_path / "train.toml").write_text(f'tasks = ["{TASKS}"]\n')
    assert parsed(printed(tmp_path / "train.toml")).dataset_path == str(tmp_path / "train.toml")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nowhere"], "Error: Invalid value for '[TASKS]': Path 'nowhere' does not exist."),
        (["--max-new-tokens", "0"], "Error: Invalid value for '--max-new-tokens': 0 is not in the range x>=1."),
        (
            ["--max-new-tokens", "many"],
            "Error: Invalid value for '--max-new-tokens': 'many' is not a valid integer range.",
        ),
        (["--epochs", "3"], "Error: No such option '--epochs'."),
    ],
)
def test_wrong_input_is_told_in_a_sentence_and_nothing_is_printed(arguments: list[str], says: str) -> None:
    assert told(*arguments) == says


def test_a_wrong_option_in_the_file_is_told_with_file_and_key(tmp_path: Path) -> None:
    (tmp_path / "train.toml").write_text(f'tasks = ["{TASKS}"]\nmax_turn = 3\n')
    assert f"{tmp_path / 'train.toml'}: " in (said := told(tmp_path / "train.toml"))
    assert "max_turn" in said


def test_a_folder_without_tasks_is_told(tmp_path: Path) -> None:
    assert str(tmp_path) in told(tmp_path)
