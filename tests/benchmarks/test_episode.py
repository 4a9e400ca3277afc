"""The benchmark of a whole episode: both sides do the same tests, and the figures are those of the rounds."""

from __future__ import annotations

import itertools
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from benchmarks.episode import TASK, BareRun, Row, bare_runs, counted, measure, play, rows, run_bare, summed_up, told

from coding_agent.events.schema import TestRun
from coding_agent.sandbox.local import LocalBackend
from coding_agent.store.reader import read_events, verify
from coding_agent.tasks.load import find_tasks


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[BareRun]]:
    """The log of an episode, and its test runs without the harness."""
    folder = tmp_path_factory.mktemp("episode")
    (task,) = find_tasks([str(TASK)])
    (outcome,) = play(task, LocalBackend(), folder / "run")
    return outcome.path, bare_runs(task, outcome.path, folder)


def test_the_bare_processes_run_the_tests_that_the_episode_ran(
    played: tuple[Path, list[BareRun]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
    log, bare = played
    recorded = [event for event in read_events(log) if isinstance(event, TestRun)]
    assert verify(log).condition == "sealed"
    for ours, theirs in zip(recorded, bare, strict=True):
        done = subprocess.run(theirs.command, cwd=theirs.folder, capture_output=True, text=True, check=False)
        counts = {name: int(count) for count, name in re.findall(r"(\d+) (passed|failed)", done.stdout)}
        outcomes = list(ours.outcomes.values())
        assert counts == {name: outcomes.count(name) for name in set(outcomes)}
        assert done.returncode == theirs.exit_status


def test_a_bare_run_that_ends_otherwise_is_no_measurement(played: tuple[Path, list[BareRun]]) -> None:
    before, after, graded = played[1]
    with pytest.raises(SystemExit, match="pytest exited with 0, expected 1"):
        run_bare([BareRun(command=before.command, folder=after.folder, exit_status=before.exit_status), graded])


def test_the_short_form_has_a_row_for_each_side(tmp_path: Path) -> None:
    with counted() as processor:
        table = rows(tmp_path, ["local"], [1])
        found = summed_up(table, measure(table, 1, processor or itertools.count(1.0).__next__))
    assert [line["row"] for line in found] == ["3 bare pytest processes, 1 at once", "episode, local, 1 at once"]
    assert re.fullmatch(r"episode, local, 1 at once .* ms +cpu .* ms +times \d.*, cpu \d.*", told(found[1]))


def test_the_ratio_is_the_median_of_the_rounds_own() -> None:
    table = [Row(name="bare", work=int, episodes=1), Row(name="whole", work=int, episodes=1, than="bare")]
    seconds = {"bare": [(1.0, 2.0), (10.0, 2.0), (2.0, 2.0)], "whole": [(3.0, 1.0), (10.0, 4.0), (4.0, 2.0)]}
    bare, whole = summed_up(table, seconds)
    assert "times" not in bare
    assert (whole["times"], whole["times_min"], whole["times_max"]) == (2.0, 1.0, 3.0)
    assert (whole["cpu_times"], whole["ms"], whole["cpu_ms_max"]) == (1.0, 4000.0, 4000.0)


def test_what_was_not_counted_is_left_out() -> None:
    (line,) = summed_up([Row(name="bare", work=int, episodes=1)], {"bare": [(1.0, 0.0)]})
    assert "cpu" not in told(line)


def test_the_first_round_only_warms_up_and_a_round_is_told_per_episode() -> None:
    ticks: Iterator[int] = itertools.count()
    table = [Row(name="each", work=int, episodes=4)]
    (timed,) = measure(table, 1, lambda: float(next(ticks)))["each"]
    assert (timed[1], next(ticks)) == (1 / 4, 4)
