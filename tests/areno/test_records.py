"""Odd batches: records of others, of other options, of a task that is gone, or the same twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from coding_agent.errors import UsageError
from tests.areno.conftest import MakeRecords
from tests.areno.stand import EASY, Engine, play, prompt_batch, quitter, solver, trainer
from tests.areno.test_trouble import OTHER, per_task


@pytest.mark.parametrize("ours", [None, {"config": {}}, {"config": {}, "folder": 7, "digest": ""}, 7], ids=str)
def test_records_of_another_loader_are_refused_by_name_wherever_they_stand(records: MakeRecords, ours: Any) -> None:
    engine = Engine(quitter)
    other = {"prompt": "hi"} if ours is None else {"prompt": "hi", "coding_agent": ours}
    for asked in ([other], [*records(), other]):
        with pytest.raises(UsageError, match="give `areno train` the three hooks together"):
            play(trainer(engine, n_samples=1), prompt_batch(engine, asked))


def test_records_that_were_loaded_with_other_options_are_refused_by_the_name_of_the_option(
    records: MakeRecords,
) -> None:
    engine = Engine(quitter)
    batch = prompt_batch(engine, [*records(), *records(OTHER, max_turns=3)])
    with pytest.raises(UsageError, match="max_turns: expected one value for all, found None and 3"):
        play(trainer(engine, n_samples=1), batch)


def test_a_task_that_vanishes_costs_its_group_and_no_other(records: MakeRecords, tmp_path: Path) -> None:
    engine = Engine(per_task({EASY: solver(), OTHER: quitter}))
    asked = records(EASY, OTHER)
    asked[1]["coding_agent"]["folder"] = str(tmp_path / "gone")
    rolled, _ = play(trainer(engine, n_samples=2), prompt_batch(engine, asked))
    assert rolled.rewards == [1.0, 1.0]


def test_training_over_tasks_that_vanished_is_stopped_with_that_for_its_reason(
    records: MakeRecords, tmp_path: Path, capfd: Any
) -> None:
    engine = Engine(quitter)
    asked = records(max_dead_steps=1)
    asked[0]["coding_agent"]["folder"] = str(tmp_path / "gone")
    with pytest.raises(RuntimeError, match=r"no episode of 1 steps .* the last: .*/gone/task.toml"):
        play(trainer(engine, n_samples=3), prompt_batch(engine, asked))
    assert capfd.readouterr().err.count("a task can no longer be read") == 1


def test_a_prompt_that_comes_twice_is_two_groups_and_each_sample_counts_once(records: MakeRecords) -> None:
    engine = Engine(quitter)
    rolled, _ = play(trainer(engine, n_samples=2), prompt_batch(engine, [*records(), *records()]))
    keys = [(record.metadata["prompt_index"], record.metadata["sample_index"]) for record in rolled.reward_records]
    assert sorted(keys) == [(0, 0), (0, 1), (1, 0), (1, 1)]
    assert len({record.source_record["coding_agent"]["verdict"]["log"] for record in rolled.reward_records}) == 4
