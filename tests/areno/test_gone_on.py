"""A run that is gone on with keeps one reading of its logs, and no number stands for two steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import attrs
import pytest

from coding_agent.areno.config import ArenoConfig
from coding_agent.areno.records import load_records
from coding_agent.areno.service import forget_services
from coding_agent.areno.training_run import open_run
from coding_agent.errors import UsageError
from coding_agent.store.reader import verify
from coding_agent.store.rundir import RunDirectory
from tests.areno.conftest import MakeRecords
from tests.areno.stand import EASY, TASKS, Engine, play, prompt_batch, quitter, solver, trainer
from tests.areno.test_export import check
from tests.cli.test_commands import run

CHANGES: list[tuple[dict[str, Any], str]] = [
    ({"weights": {"lines_added": -0.125}}, "weights: {}/run.toml says {{'lines_added': 0.25}}, given is {{'lines_adde"),
    ({"weights": {}}, "weights: {}/run.toml says {{'lines_added': 0.25}}, given is {{}}"),
    ({"trainable": "last"}, "trainable: {}/run.toml says 'all', given is 'last'"),
    ({"drift": "cut"}, "drift: {}/run.toml says 'keep', given is 'cut'"),
    ({"reward": "/mine.py"}, "reward: {}/run.toml says None, given is '/mine.py'"),
]


@pytest.mark.parametrize(("changed", "told"), CHANGES, ids=[told.partition(":")[0] for _, told in CHANGES])
def test_another_reading_of_the_logs_is_refused_by_the_name_of_the_option(
    tmp_path: Path, changed: dict[str, Any], told: str
) -> None:
    before = ArenoConfig(run_dir=str(tmp_path / "run"), weights={"lines_added": 0.25})
    open_run(before)
    with pytest.raises(UsageError, match="give another run_dir, or the same options") as caught:
        open_run(attrs.evolve(before, **changed))
    assert told.format(tmp_path / "run") in str(caught.value)


def test_the_loader_refuses_it_before_any_model_is_loaded(tmp_path: Path) -> None:
    told = f'tasks = ["{TASKS}"]\nsandbox = "local"\nrun_dir = "run"\n'
    (tmp_path / "train.toml").write_text(told)
    load_records(str(tmp_path / "train.toml"))
    (tmp_path / "train.toml").write_text(told + 'trainable = "last"\ndrift = "cut"\n')
    with pytest.raises(UsageError, match=r"trainable: .*; drift: "):
        load_records(str(tmp_path / "train.toml"))


def test_logs_that_never_had_an_event_are_deleted_when_it_is_gone_on_with(records: MakeRecords, tmp_path: Path) -> None:
    engine = Engine(quitter)
    made, batch = trainer(engine, n_samples=1), prompt_batch(engine, records())
    play(made, batch)
    forget_services()
    folder = tmp_path / "run" / "episodes" / EASY
    (folder / "1.0.jsonl").write_bytes(b"")
    (folder / "2.0.jsonl").write_bytes(b'{"seq":0,"at')
    play(made, batch)
    run = RunDirectory.open(tmp_path / "run")
    assert [(log.name, verify(log).condition) for log in run.logs()] == [
        ("0.0.jsonl", "sealed"),
        ("1.0.jsonl", "sealed"),
    ]
    assert {report.condition for report in run.verify()} == {"sealed"}


def test_what_decides_no_row_may_change(records: MakeRecords, tmp_path: Path) -> None:
    engine = Engine(solver())
    _, before = play(trainer(engine, n_samples=2), prompt_batch(engine, records()))
    forget_services()
    other = {"concurrency": 1, "graders": 1, "step_seconds": 600.0, "max_turns": 9, "retries": 0, "seed": 5}
    _, after = play(trainer(engine, n_samples=2), prompt_batch(engine, records(**other)))
    check(tmp_path, [*before, *after])


def test_a_run_that_another_command_began_is_refused(tmp_path: Path) -> None:
    RunDirectory.create(tmp_path / "run", {"policy": "repair"})
    with pytest.raises(UsageError, match=r"run.toml has no \[areno\]: another command began it.* another run_dir"):
        open_run(ArenoConfig(run_dir=str(tmp_path / "run")))


def kill(run_dir: RunDirectory) -> None:
    """What a process that is killed leaves of episodes: no end, and so no line of the manifest."""
    for log in run_dir.logs():
        log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:3]))
    (run_dir.path / "manifest.jsonl").unlink()


def test_the_number_of_a_step_that_was_killed_is_not_used_again(records: MakeRecords, tmp_path: Path) -> None:
    engine = Engine(quitter)
    batch = prompt_batch(engine, records())
    play(trainer(engine, n_samples=2), batch)
    forget_services()
    kill(RunDirectory.open(tmp_path / "run"))
    _, sequences = play(trainer(engine, n_samples=2), batch)
    told = run("export", tmp_path / "run", "--format", "areno-rows").stderr
    assert "left out: step 0 was interrupted" in told
    assert "step 1" not in told
    assert len(sequences) == 2
    check(tmp_path, sequences)
