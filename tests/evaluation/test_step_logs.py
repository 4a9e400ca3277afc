"""Logs of a training run as sums by step: which attempt counts, what is left out, how it is shown."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

from coding_agent.errors import StoreError
from coding_agent.evaluation.step_logs import attempts
from coding_agent.events.schema import EpisodeStarted, Event
from coding_agent.store.rundir import RunDirectory
from tests.cli.test_commands import document, run
from tests.projections.facts import ended, evolved
from tests.samples import write_log

PASSED, FAILED = ended(solved=True), ended(solved=False)
DEAD = ended(solved=None, reason="infra_error")


@pytest.fixture
def training(tmp_path: Path) -> Path:
    """Two steps of one prompt, two samples each; one sample needed a second attempt."""
    run_directory = RunDirectory.create(tmp_path / "run", {})
    plan = [(0, 0, 0, PASSED), (0, 1, 0, DEAD), (0, 1, 1, FAILED), (1, 2, 0, FAILED), (1, 3, 0, FAILED)]
    for step, sample, attempt, events in plan:
        path = run_directory.log_path("toy", sample, attempt)
        path.parent.mkdir(exist_ok=True)
        write_log(path, evolved(events, step=step, group=f"{step}/0", sample=sample, attempt=attempt))
    return run_directory.path


def test_steps_are_told_from_the_logs_alone(training: Path) -> None:
    first, second = document(run("stats", training, "--by-step", "--json"))["steps"]
    assert (first["step"], first["run"]["passed"], first["groups"]["mixed"], first["attempts"]) == (0, 1, 1, 1)
    assert (second["step"], second["reward_mean"], second["groups"]["all_fail"]) == (1, 0.0, 1)
    assert first["tokens_per_solved_task"] == 3 * 24
    assert first["latency_s"]["episode"]["count"] == 2


def test_people_get_a_line_per_step(training: Path) -> None:
    shown = run("stats", training, "--by-step").stdout
    assert "only visible" in shown
    assert shown.count("\n    0  ") == shown.count("\n    1  ") == 6


def test_the_reward_is_the_one_that_was_trained_on(training: Path) -> None:
    (training / "run.toml").write_text("[areno]\nweights = { lines_added = 0.25 }\n")
    first, _ = document(run("stats", training, "--by-step", "--json"))["steps"]
    assert first["reward_mean"] == (1.25 + 0.25) / 2


def test_a_log_that_can_not_be_read_is_named_and_left_out(training: Path) -> None:
    broken = training / "episodes" / "toy" / "2.0.jsonl"
    broken.write_bytes(broken.read_bytes().replace(b"Mend it", b"Mend me"))
    done = run("stats", training, "--by-step", "--json")
    assert done.returncode == 3
    assert document(done)["steps"][1]["run"]["episodes"] == 1
    assert "2.0.jsonl" in done.stderr


def test_loose_logs_are_episodes_of_their_own(tmp_path: Path) -> None:
    logs = [write_log(tmp_path / f"{index}.jsonl", PASSED) for index in range(3)]
    warnings: list[StoreError] = []
    assert len(attempts(logs, of_one_run=False, warn=warnings.append).final) == 3
    assert len(attempts(logs, of_one_run=True, warn=warnings.append).superseded) == 2


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 2, 0)])
def test_the_highest_attempt_counts_in_whatever_order_logs_come(tmp_path: Path, order: tuple[int, ...]) -> None:
    def log(attempt: int, events: list[Event]) -> Path:
        header, *rest = events
        assert isinstance(header, EpisodeStarted)
        return write_log(tmp_path / f"0.{attempt}.jsonl", [attrs.evolve(header, attempt=attempt), *rest])

    logs = [log(0, DEAD), log(1, DEAD), log(2, PASSED)]
    found = attempts([logs[index] for index in order], of_one_run=True, warn=print)
    assert [facts.metrics.attempt for facts in found.final] == [2]
    assert sorted(facts.metrics.attempt for facts in found.superseded) == [0, 1]
