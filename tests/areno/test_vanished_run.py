"""A run directory that is deleted while it is trained with: training goes on, and what it does from then on is recorded."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from coding_agent.store.rundir import RunDirectory
from tests.areno.conftest import MakeRecords
from tests.areno.stand import Engine, play, prompt_batch, quitter, trainer
from tests.areno.test_export import check


@pytest.mark.parametrize("gone", [".", "run.toml", "manifest.jsonl", "episodes"])
def test_what_is_deleted_between_steps_is_begun_again(
    records: MakeRecords, tmp_path: Path, capfd: Any, gone: str
) -> None:
    engine = Engine(quitter)
    made, batch = trainer(engine, n_samples=1), prompt_batch(engine, records(trainable="last"))
    _, first = play(made, batch)
    lost = tmp_path / "run" / gone
    if lost.is_dir():
        shutil.rmtree(lost)
    else:
        lost.unlink()
    _, second = play(made, batch)
    run = RunDirectory.open(tmp_path / "run")
    assert run.configuration["areno"]["trainable"] == "last"
    is_left = gone in {"run.toml", "manifest.jsonl"}
    check(tmp_path, [*(first if is_left else []), *second])
    assert {report.condition for report in run.verify()} == {"sealed"} | ({"missing"} if gone == "episodes" else set())
    assert ("was deleted or moved" in capfd.readouterr().err) == (gone != "episodes")


def test_a_run_directory_that_can_not_be_begun_again_costs_no_step(records: MakeRecords, tmp_path: Path) -> None:
    engine = Engine(quitter)
    made, batch = trainer(engine, n_samples=1), prompt_batch(engine, records(max_dead_steps=2))
    play(made, batch)
    shutil.rmtree(tmp_path / "run")
    (tmp_path / "run").write_text("in the way")
    rolled, _ = play(made, batch)
    assert rolled.rewards == [0.0]
    with pytest.raises(
        RuntimeError, match="deleted or moved, and it can not be begun again: .*(File exists|Not a directory)"
    ):
        play(made, batch)
