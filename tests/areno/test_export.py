"""Training rows rebuilt from the logs alone are those that AReno trained on."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import attrs
import pytest
from areno.api.agentic import AgentItem
from areno.api.models import SamplingParams
from hypothesis import given
from hypothesis import strategies as st

from coding_agent.areno.turns import Answer, rows_of, to_turns
from coding_agent.events.schema import Event
from coding_agent.events.values import ModelToolCall, TokenRecord
from coding_agent.projections.tokens import TRAINABLE, Trainable, rows, trained_turns
from coding_agent.store.rundir import RunDirectory
from tests.areno.conftest import MakeRecords
from tests.areno.stand import EASY, Engine, call, play, prompt_batch, quitter, solver, trainer, turn_of
from tests.areno.test_trouble import OTHER, cancelled, killer, per_task
from tests.cli.test_commands import run
from tests.projections.facts import facts_of
from tests.samples import START, SUBMIT, toy_episode, turn


def mixed() -> Any:
    """Every second episode gives up; the others solve their task."""
    solve, first = per_task({EASY: solver(), OTHER: solver(OTHER)}), iter([True, False] * 10)

    def model(prompt: str) -> str:
        if turn_of(prompt) == 1:
            return quitter(prompt) if next(first) else solve(prompt)
        return solve(prompt)

    return model


def exported(tmp_path: Path, *options: str) -> list[dict[str, Any]]:
    done = run("export", str(tmp_path / "run"), *options)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def trained(sequences: list[Any]) -> list[tuple[Any, ...]]:
    """What the optimiser gets, row by row."""
    return [(list(s.tokens), mask_of(s), list(s.logprobs), s.reward) for s in sequences]


def mask_of(sequence: Any) -> list[bool]:
    """AReno leaves it out where everything that was sampled is learnt."""
    sampled = len(sequence.tokens) - sequence.prompt_len
    return list(sequence.loss_mask) or [False] * sequence.prompt_len + [True] * sampled


def from_logs(rows: list[dict[str, Any]]) -> list[tuple[Any, ...]]:
    return [(r["tokens"], r["loss_mask"], r["logprobs"], r["reward"]) for r in rows]


def check(tmp_path: Path, sequences: list[Any]) -> None:
    """Every row, in the same order, with the same ids, mask, log-probabilities, reward and advantage."""
    rows = exported(tmp_path, "--format", "areno-rows")
    assert from_logs(rows) == trained(sequences)
    advantages = [s.scalar_advantage for s in sequences]
    assert [r["advantage"] for r in rows] == pytest.approx(advantages, abs=1e-6)


@pytest.mark.parametrize("trainable", ["all", "last", "final_answer", "tool_arguments"])
def test_rows_from_logs_equal_those_of_the_train_batch(records: MakeRecords, tmp_path: Path, trainable: str) -> None:
    engine = Engine(mixed())
    batch = prompt_batch(engine, records(EASY, OTHER, trainable=trainable))
    _, sequences = play(trainer(engine, n_samples=3), batch)
    assert {s.reward for s in sequences} == {0.0, 1.0}
    assert max(len(s.tokens) for s in sequences) > 1000
    check(tmp_path, sequences)


@pytest.mark.parametrize("marker", ["<tool_response>", "<|tool_response>"])
def test_what_a_model_samples_like_a_tool_s_answer_is_the_same_row_too(
    records: MakeRecords, tmp_path: Path, marker: str
) -> None:
    engine = Engine(lambda prompt: f"{quitter(prompt)}\n{marker}\nok, all passed\n</tool_response>")
    _, sequences = play(trainer(engine, n_samples=2), prompt_batch(engine, records()))
    assert marker in engine.tokenizer.decode(sequences[0].tokens)
    check(tmp_path, sequences)


PIECES = st.sampled_from(["<tool_response>", "<|tool_response>", "</tool_response>", "<tool_call>", "é", "a\n", "<"])


@given(
    text=st.lists(PIECES | st.text(max_size=4), max_size=8).map("".join),
    calls=st.lists(st.just(SUBMIT), max_size=1),
    trainable=st.sampled_from(TRAINABLE),
    data=st.data(),
)
def test_areno_learns_from_whatever_part_of_a_turn_the_log_says(
    text: str, calls: list[ModelToolCall], trainable: Trainable, data: st.DataObject
) -> None:
    engine = Engine(quitter)
    sampled = tuple(engine.tokenizer.encode(text))
    span = sorted(data.draw(st.tuples(*[st.integers(0, len(sampled))] * 2))) if calls else ()
    record = TokenRecord(
        prompt_ids=(1, 2), completion_ids=sampled, logprobs=(-0.5,) * len(sampled), arguments=tuple(span)
    )
    events: list[Event] = [START, attrs.evolve(turn(1, *calls), tokens=record)]
    chosen = trained_turns(events, trainable=trainable)
    answer = Answer(
        log=Path(), head="", reward=0.0, turns=rows_of(events, chosen, "raw"), tools=[], drifted=0, overlong=0,
        facts=facts_of(toy_episode()),
    )  # fmt: skip
    item = AgentItem(record={}, prompt="", input_tokens=[], prompt_index=0, sample_index=0)
    session = engine.rollout_session(sampling_params=SamplingParams(max_new_tokens=1), proxy=False)
    (row,) = (session._sample_from_trajectory_turn(each) for each in to_turns(item, answer))
    (ours,) = rows(chosen, merge=False)
    assert (tuple(row.token_row), tuple(row.loss_mask_row)) == (ours.ids, ours.loss_mask)


def test_an_episode_without_a_trainable_turn_is_the_same_row_too(records: MakeRecords, tmp_path: Path) -> None:
    engine = Engine(lambda _: call("list_files", path="."))
    batch = prompt_batch(engine, records(trainable="final_answer", max_turns=2))
    _, sequences = play(trainer(engine, n_samples=2), batch)
    assert [len(s.tokens) for s in sequences] == [s.prompt_len for s in sequences]
    check(tmp_path, sequences)


def test_rows_that_drifted_are_cut_from_the_export_as_from_the_batch(records: MakeRecords, tmp_path: Path) -> None:
    engine = Engine(solver())
    _, sequences = play(trainer(engine, n_samples=2), prompt_batch(engine, records(history="messages", drift="cut")))
    check(tmp_path, sequences)


def test_who_stood_in_for_a_dead_step_is_exported_as_such(records: MakeRecords, tmp_path: Path) -> None:
    engine = Engine(lambda prompt: killer(prompt) if turn_of(prompt) == 2 else call("list_files", path="."))
    _, sequences = play(trainer(engine, n_samples=2), prompt_batch(engine, records(retries=0)))
    assert [s.scalar_advantage for s in sequences] == [0.0, 0.0]
    check(tmp_path, sequences)


def test_a_dead_group_beside_a_live_one_is_left_out_of_both(records: MakeRecords, tmp_path: Path) -> None:
    engine = Engine(per_task({EASY: solver(), OTHER: killer}))
    _, sequences = play(trainer(engine, n_samples=2), prompt_batch(engine, records(EASY, OTHER, retries=0)))
    assert len(sequences) == 6
    check(tmp_path, sequences)


def test_a_step_that_was_interrupted_is_left_out_and_named(records: MakeRecords, tmp_path: Path) -> None:
    engine = Engine(quitter)
    made, batch = trainer(engine, n_samples=2), prompt_batch(engine, records())
    _, sequences = play(made, batch)
    engine.hang_after = 0
    asyncio.run(cancelled(made, batch, engine))
    assert "left out: step 1 was interrupted" in run("export", tmp_path / "run", "--format", "areno-rows").stderr
    check(tmp_path, sequences)


def test_the_group_of_a_log_that_is_gone_is_left_out(records: MakeRecords, tmp_path: Path) -> None:
    engine = Engine(quitter)
    play(trainer(engine, n_samples=2), prompt_batch(engine, records(EASY, OTHER)))
    RunDirectory.open(tmp_path / "run").logs()[0].unlink()
    assert {row["task"] for row in exported(tmp_path, "--format", "areno-rows")} == {OTHER}


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


OWN = """
from coding_agent.events.schema import ModelTurn
from coding_agent.events.verdict import grade_of, passed
def reward(events):
    turns = sum(isinstance(event, ModelTurn) for event in events)
    assert turns < LIMIT, "too long for me"
    return (1.0 if passed(grade_of(events)) else 0.0) - turns / 64
"""


@pytest.mark.parametrize("options", [{}, {"weights": {"lines_added": -0.125}}, {"reward": OWN}], ids=str)
def test_score_export_and_areno_agree_on_every_reward(
    records: MakeRecords, tmp_path: Path, options: dict[str, Any]
) -> None:
    if "reward" in options:
        (tmp_path / "own.py").write_text(OWN.replace("LIMIT", "9"))
        options = {"reward": str(tmp_path / "own.py")}
    engine = Engine(mixed())
    rolled, sequences = play(trainer(engine, n_samples=2), prompt_batch(engine, records(**options)))
    scored = json.loads(run("score", str(tmp_path / "run"), "--json").stdout)
    assert sorted(row["value"] for row in scored["episodes"]) == sorted(rolled.rewards)
    check(tmp_path, sequences)


def test_a_reward_that_fails_masks_the_same_group_in_the_export(records: MakeRecords, tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(OWN.replace("LIMIT", "3"))
    engine = Engine(per_task({EASY: solver(), OTHER: quitter}))
    batch = prompt_batch(engine, records(EASY, OTHER, reward=str(tmp_path / "own.py")))
    _, sequences = play(trainer(engine, n_samples=2), batch)
    assert len(sequences) == 2
    check(tmp_path, sequences)
    assert "AssertionError: too long for me" in run("export", tmp_path / "run", "--format", "areno-rows").stderr


def test_an_export_that_can_not_be_written_is_refused_in_a_sentence(tmp_path: Path) -> None:
    done = run("export", "replays", "--format", "sft", "--out", tmp_path / "no" / "rows.jsonl")
    assert (done.returncode, "can not be written: No such file or directory" in done.stderr) == (2, True)


def test_an_episode_of_a_policy_that_knew_the_solution_is_no_example() -> None:
    done = run("export", "replays/gold.jsonl", "--format", "sft")
    assert (done.returncode, done.stdout) == (0, "")
    assert "its policy knew a secret of the task" in done.stderr
