"""Logs that can not be begun, break off or were killed: what a step loses by them, and what the export says of it."""

from __future__ import annotations

import errno
import functools
import os
import shutil
from pathlib import Path
from typing import Any

import attrs
import pytest

from coding_agent.areno.config import ArenoConfig
from coding_agent.areno.service import service_for
from coding_agent.areno.training_run import TrainingRun, open_run
from coding_agent.events.schema import Done
from coding_agent.store.disk import RealDisk
from coding_agent.store.reader import read_events, verify
from coding_agent.store.rundir import RunDirectory
from tests.areno.conftest import MakeRecords
from tests.areno.stand import EASY, Engine, play, prompt_batch, quitter, solver, trainer
from tests.areno.test_export import check
from tests.areno.test_trouble import OTHER, per_task, reasons


def test_a_step_with_a_log_that_could_not_be_begun_is_exported_as_it_was_trained(
    records: MakeRecords, tmp_path: Path
) -> None:
    engine = Engine(per_task({EASY: solver(), OTHER: quitter}))
    asked = records(EASY, OTHER)
    open_run(ArenoConfig.from_json(asked[0]["coding_agent"]["config"]))
    (tmp_path / "run" / "episodes" / OTHER).write_text("in the way")
    _, sequences = play(trainer(engine, n_samples=2), prompt_batch(engine, asked))
    assert len(sequences) == 6
    check(tmp_path, sequences)


class Clogged(RealDisk):
    """To logs of this name nothing can be added after their first event."""

    def __init__(self, name: str) -> None:
        self.name: str | None = name

    def write(self, fd: int, data: bytes) -> int:
        if self.name and os.fstat(fd).st_size and Path(f"/proc/self/fd/{fd}").readlink().match(self.name):
            raise OSError(errno.ENOSPC, "No space left on device")
        return super().write(fd, data)


@pytest.mark.parametrize("heals", [True, False])
def test_a_step_with_a_log_that_broke_off_is_exported_as_it_was_trained(
    records: MakeRecords, tmp_path: Path, heals: bool
) -> None:
    engine = Engine(per_task({EASY: solver(), OTHER: solver(OTHER)}))
    made, batch = trainer(engine, n_samples=2), prompt_batch(engine, asked := records(EASY, OTHER))
    service = service_for(ArenoConfig.from_json(asked[0]["coding_agent"]["config"]))
    disk = Clogged(f"{OTHER}/1.0.jsonl")
    service.run.directory = attrs.evolve(service.run.directory, disk=disk)
    _, first = play(made, batch)
    assert len(first) == 6
    disk.name = None if heals else disk.name
    _, second = play(made, batch)
    check(tmp_path, [*first, *second])
    ends = [read_events(log)[-1] for log in service.run.directory.logs()]
    assert [end.reason for end in ends if isinstance(end, Done)].count("infra_error") == heals


def test_a_step_that_was_killed_is_closed_by_the_next_process_and_stays_left_out(
    records: MakeRecords, tmp_path: Path
) -> None:
    engine, killed = Engine(quitter), tmp_path / "killed"
    batch = prompt_batch(engine, records(run_dir=str(killed)))
    # What a kill leaves is what stands on the disk at that moment.
    engine.on_ask = functools.partial(shutil.copytree, killed, tmp_path / "run")  # type: ignore[assignment]
    play(trainer(engine, n_samples=1), batch)
    engine.on_ask = lambda: None
    _, sequences = play(trainer(engine, n_samples=2), prompt_batch(engine, records()))
    logs = [read_events(log) for log in RunDirectory.open(tmp_path / "run").logs()]
    ends = [(events[0].step, events[-1].reason) for events in logs]  # type: ignore[union-attr]
    assert ends == [(0, "cancelled"), (1, "blocked"), (1, "blocked")]
    assert [verify(log).condition for log in RunDirectory.open(tmp_path / "run").logs()] == ["sealed"] * 3
    check(tmp_path, sequences)


def test_a_log_that_can_not_be_written_costs_its_group_and_no_other(
    records: MakeRecords, tmp_path: Path, capfd: Any
) -> None:
    engine = Engine(per_task({EASY: solver(), OTHER: quitter}))
    made, batch = trainer(engine, n_samples=2), prompt_batch(engine, records(EASY, OTHER, concurrency=1))
    play(made, prompt_batch(engine, records(EASY)))
    (tmp_path / "run" / "episodes" / OTHER).write_text("in the way")
    rolled, _ = play(made, batch)
    assert rolled.rewards == [1.0, 1.0]
    assert {record.metadata["prompt_index"] for record in rolled.reward_records} == {0}
    assert reasons(tmp_path) == ["submitted"] * 4
    told = capfd.readouterr().err
    assert told.count("an episode can not be recorded") == 2
    assert "Traceback" not in told


def ready(records: MakeRecords) -> tuple[Any, Any, TrainingRun]:
    """Trainer and batch of two samples, and the run that they will be played in."""
    engine = Engine(quitter)
    made, batch = trainer(engine, n_samples=2), prompt_batch(engine, asked := records())
    return made, batch, service_for(ArenoConfig.from_json(asked[0]["coding_agent"]["config"])).run


def test_a_manifest_that_can_not_be_written_costs_nothing_and_is_put_right_before_the_next_step(
    records: MakeRecords, tmp_path: Path, capfd: Any
) -> None:
    made, batch, run = ready(records)
    run._manifest._disk = Clogged("manifest.jsonl")
    _, first = play(made, batch)
    _, second = play(made, batch)
    assert capfd.readouterr().err.count("the manifest can not be written") == 1
    assert [len(first), len(second)] == [2, 2]
    check(tmp_path, [*first, *second])
    assert {report.condition for report in run.directory.verify()} == {"sealed"}


def test_a_manifest_that_can_not_be_opened_again_costs_no_step(
    records: MakeRecords, tmp_path: Path, capfd: Any
) -> None:
    made, batch, run = ready(records)
    (manifest := run.path / "manifest.jsonl").unlink()
    manifest.mkdir()
    _, sequences = play(made, batch)
    assert len(sequences) == 2
    assert "the run directory can not be begun again" in capfd.readouterr().err
    manifest.rmdir()
    _, more = play(made, batch)
    check(tmp_path, [*sequences, *more])
    assert {report.condition for report in run.directory.verify()} == {"sealed"}
