from __future__ import annotations

from pathlib import Path

import attrs

from coding_agent.cli.logs import load_final
from coding_agent.errors import StoreError
from coding_agent.store.rundir import RunDirectory
from coding_agent.store.writer import LogWriter
from tests.samples import START, toy_episode


def run_with(folder: Path, *logs: tuple[int, int]) -> list[Path]:
    """A run directory with a log of each (sample, attempt)."""
    run = RunDirectory.create(folder, {})
    paths = [run.log_path("toy", *each) for each in logs]
    for path, (sample, attempt) in zip(paths, logs, strict=True):
        with LogWriter.create(path) as log:
            for event in (attrs.evolve(START, sample=sample, attempt=attempt), *toy_episode()[1:]):
                log.append(event)
    return paths


def test_only_the_last_attempt_of_a_sample_counts(tmp_path: Path) -> None:
    logs = run_with(tmp_path / "run", (0, 0), (0, 1), (0, 2), (0, 10), (1, 0))
    assert [each.path for each in load_final(tmp_path / "run", warn=list[StoreError]().append)] == logs[3:]


def test_an_attempt_that_can_not_be_read_is_told_and_the_one_before_stands_in(tmp_path: Path) -> None:
    logs, warnings = run_with(tmp_path / "run", (0, 0), (0, 1)), list[StoreError]()
    logs[1].write_bytes(logs[1].read_bytes()[:-200])
    assert [each.path for each in load_final(tmp_path / "run", warn=warnings.append)] == logs[:1]
    assert [warning.file for warning in warnings] == [str(logs[1])]


def test_a_run_is_read_one_episode_at_a_time(tmp_path: Path) -> None:
    logs, warnings = run_with(tmp_path / "run", (0, 0), (1, 0)), list[StoreError]()
    episodes = load_final(tmp_path / "run", warn=warnings.append)
    assert next(episodes).path == logs[0]
    logs[1].unlink()
    assert list(episodes) == []
    assert [warning.file for warning in warnings] == [str(logs[1])]
