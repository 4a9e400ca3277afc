"""What AReno gets from a step, through its own session, proxy, accounting, rows and advantages."""

from __future__ import annotations

from pathlib import Path

from coding_agent.events.schema import EpisodeStarted, ModelTurn
from coding_agent.projections.tokens import sampled_turns
from coding_agent.store.manifest import read_manifest
from coding_agent.store.reader import read_events, verify
from coding_agent.store.rundir import RunDirectory
from tests.areno.conftest import MakeRecords
from tests.areno.stand import Engine, call, play, prompt_batch, quitter, solver, trainer, turn_of


def logs(tmp_path: Path) -> list[Path]:
    return RunDirectory.open(tmp_path / "run").logs()


def test_a_step_gives_every_sample_its_turns_its_reward_and_its_log(records: MakeRecords, tmp_path: Path) -> None:
    engine = Engine(solver())
    rolled, sequences = play(trainer(engine, n_samples=2), prompt_batch(engine, records()))
    assert rolled.rewards == [1.0, 1.0]
    assert [sequence.trajectory_id for sequence in sequences] == [0, 0, 0, 1, 1, 1]
    assert [verify(log).condition for log in logs(tmp_path)] == ["sealed", "sealed"]
    assert [record.metadata for record in rolled.reward_records] == [
        {"prompt_index": 0, "sample_index": 0},
        {"prompt_index": 0, "sample_index": 1},
    ]


def test_rows_are_the_ids_that_the_model_was_shown_and_sampled(records: MakeRecords) -> None:
    engine = Engine(solver())
    rolled, _ = play(trainer(engine, n_samples=1), prompt_batch(engine, records()))
    shown = [prompt for prompt, _ in engine.asked]
    said = [
        [token for token, mask in zip(row, masks, strict=True) if mask]
        for row, masks in zip(rolled.token_rows, rolled.loss_masks, strict=True)
    ]
    assert rolled.token_rows == [prompt + answer for prompt, answer in zip(shown, said, strict=True)]
    assert engine.tokenizer.decode(said[2]).startswith("<tool_call>")


def test_history_is_shown_as_it_was_sampled_so_that_no_prompt_drifts(records: MakeRecords) -> None:
    engine = Engine(solver())
    rolled, _ = play(trainer(engine, n_samples=1), prompt_batch(engine, records()))
    rows = rolled.token_rows
    assert all(later[: len(row)] == row for row, later in zip(rows, rows[1:], strict=False))


def test_a_history_rendered_from_messages_drifts_which_the_log_says(records: MakeRecords, tmp_path: Path) -> None:
    engine = Engine(solver())
    rolled, _ = play(trainer(engine, n_samples=1), prompt_batch(engine, records(history="messages")))
    assert [turn.lost > 0 for turn in sampled_turns(read_events(logs(tmp_path)[0]))] == [False, True, False]
    assert len(rolled.token_rows) == 3


def test_turns_from_a_drifted_prompt_on_are_left_out_if_the_configuration_cuts_there(records: MakeRecords) -> None:
    engine = Engine(solver())
    rolled, _ = play(trainer(engine, n_samples=1), prompt_batch(engine, records(history="messages", drift="cut")))
    assert len(rolled.token_rows) == 1


def test_unequal_samples_get_opposite_advantages(records: MakeRecords) -> None:
    solve, turns = solver(), iter([quitter])

    def model(prompt: str) -> str:
        # The first episode to ask its first turn gives up; every later one solves.
        return next(turns, solve)(prompt) if turn_of(prompt) == 1 else solve(prompt)

    engine = Engine(model)
    rolled, sequences = play(trainer(engine, n_samples=2), prompt_batch(engine, records()))
    assert sorted(rolled.rewards) == [0.0, 1.0]
    assert {round(sequence.scalar_advantage) for sequence in sequences} == {-1, 1}


def test_steps_are_numbered_on_through_new_loops_and_a_new_process(records: MakeRecords, tmp_path: Path) -> None:
    from coding_agent.areno.service import forget_services

    engine = Engine(quitter)
    made, batch = trainer(engine, n_samples=2), prompt_batch(engine, records())
    for _ in range(3):
        play(made, batch)
    forget_services()
    play(made, batch)
    entries = list(read_manifest(tmp_path / "run" / "manifest.jsonl"))
    assert sorted((entry.step, entry.sample) for entry in entries) == [(n // 2, n) for n in range(8)]
    assert {entry.group for entry in entries} == {"0/0", "1/0", "2/0", "3/0"}


def test_a_log_knows_step_group_weights_and_tokenizer(records: MakeRecords, tmp_path: Path) -> None:
    engine = Engine(quitter)
    play(trainer(engine, n_samples=1), prompt_batch(engine, records()))
    header, turn = read_events(logs(tmp_path)[0])[:2]
    assert isinstance(header, EpisodeStarted)
    assert isinstance(turn, ModelTurn)
    assert turn.tokens is not None
    assert (header.step, header.group, turn.tokens.weight_version) == (0, "0/0", "step:0")
    assert len(turn.tokens.tokenizer or "") == 64
    assert turn.sampling["temperature"] == 1.0


def test_only_the_arguments_of_calls_are_learnt_from(records: MakeRecords) -> None:
    engine = Engine(quitter)
    rolled, _ = play(trainer(engine, n_samples=1), prompt_batch(engine, records(trainable="tool_arguments")))
    learnt = [token for token, mask in zip(rolled.token_rows[0], rolled.loss_masks[0], strict=True) if mask]
    assert engine.tokenizer.decode(learnt) == '{"status": "blocked", "summary": "no idea"}'


def test_the_last_turn_alone_is_learnt_from(records: MakeRecords) -> None:
    engine = Engine(solver())
    rolled, _ = play(trainer(engine, n_samples=1), prompt_batch(engine, records(trainable="last")))
    assert rolled.token_rows == [
        engine.asked[-1][0] + engine.tokenizer.encode(solver()("<|im_start|>assistant\n" * 3)) + [256]
    ]


def test_an_episode_without_a_trainable_turn_still_counts_in_its_group(records: MakeRecords) -> None:
    engine = Engine(lambda _: call("list_files", path="."))
    config = records(trainable="final_answer", max_turns=2)
    rolled, _ = play(trainer(engine, n_samples=2), prompt_batch(engine, config))
    assert rolled.rewards == [0.0, 0.0]
    assert not any(any(mask) for mask in rolled.loss_masks)
