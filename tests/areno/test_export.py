"""Training rows rebuilt from the logs alone are those that AReno trained on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.areno.conftest import MakeRecords
from tests.areno.stand import Engine, play, prompt_batch, quitter, solver, trainer, turn_of
from tests.cli.test_commands import run


def mixed() -> Any:
    """Every second episode gives up; the others solve their task."""
    solve, first = solver(), iter([True, False] * 10)

    def model(prompt: str) -> str:
        if turn_of(prompt) == 1:
            return quitter(prompt) if next(first) else solve(prompt)
        return solve(prompt)

    return model


def exported(tmp_path: Path, *options: str) -> list[dict[str, Any]]:
    done = run("export", str(tmp_path / "run"), *options)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.parametrize("trainable", ["all", "last", "final_answer", "tool_arguments"])
def test_rows_from_logs_equal_those_of_the_train_batch(records: MakeRecords, tmp_path: Path, trainable: str) -> None:
    engine = Engine(mixed())
    batch = prompt_batch(engine, records(trainable=trainable))
    _, sequences = play(trainer(engine, n_samples=4), batch)
    trained = sorted((list(s.tokens), list(s.logprobs), s.reward, round(s.scalar_advantage, 4)) for s in sequences)
    rows = exported(tmp_path, "--format", "areno-rows")
    found = sorted((r["tokens"], r["logprobs"], r["reward"], round(r["advantage"], 4)) for r in rows)
    longest = max(len(row[0]) for row in trained)
    assert longest > 1000
    if trainable != "tool_arguments":
        assert found == trained
    else:
        # AReno's row ends where what is learnt ends; ours goes on to the end of the turn, masked.
        assert [row[2:] for row in found] == [row[2:] for row in trained]
        learnt = [[t for t, m in zip(r["tokens"], r["loss_mask"], strict=True) if m] for r in rows]
        theirs = [list(s.tokens[s.prompt_len :]) for s in sequences]
        assert sorted(learnt) == sorted(theirs)


def test_sft_rows_are_the_conversations_of_solved_episodes(records: MakeRecords, tmp_path: Path) -> None:
    engine = Engine(mixed())
    play(trainer(engine, n_samples=2), prompt_batch(engine, records()))
    (row,) = exported(tmp_path, "--format", "sft")
    said = [message for message, train in zip(row["messages"], row["train"], strict=True) if train]
    assert [message["role"] for message in said] == ["assistant"] * 3
    assert row["messages"][-1]["role"] == "tool"
    assert len(exported(tmp_path, "--format", "sft", "--min-reward", "0")) == 2


def test_a_training_run_is_gone_on_with_by_training(records: MakeRecords, tmp_path: Path) -> None:
    engine = Engine(quitter)
    play(trainer(engine, n_samples=1), prompt_batch(engine, records()))
    done = run("resume", tmp_path / "run")
    assert (done.returncode, "start `areno train` again with the same run_dir" in done.stderr) == (2, True)


def test_score_and_areno_agree_on_every_reward(records: MakeRecords, tmp_path: Path) -> None:
    engine = Engine(mixed())
    rolled, _ = play(trainer(engine, n_samples=2), prompt_batch(engine, records()))
    scored = json.loads(run("score", str(tmp_path / "run"), "--json").stdout)
    assert sorted(row["value"] for row in scored["episodes"]) == sorted(rolled.rewards)


def test_an_export_that_can_not_be_written_is_refused_in_a_sentence(tmp_path: Path) -> None:
    done = run("export", "replays", "--format", "sft", "--out", tmp_path / "no" / "rows.jsonl")
    assert (done.returncode, "can not be written: No such file or directory" in done.stderr) == (2, True)


def test_an_episode_of_a_policy_that_knew_the_solution_is_no_example() -> None:
    done = run("export", "replays/gold.jsonl", "--format", "sft")
    assert (done.returncode, done.stdout) == (0, "")
    assert "its policy knew a secret of the task" in done.stderr
