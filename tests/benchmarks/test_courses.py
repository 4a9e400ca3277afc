"""The tasks that the learning run is made of, and who demonstrates them."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks.areno_cpu.courses import COURSES, Course, demonstrate, write_tasks

from coding_agent.events.schema import ModelTurn
from coding_agent.store.reader import read_events
from coding_agent.store.rundir import RunDirectory


def guesses(log: Path, course: Course) -> list[str]:
    """What an episode put in the place of the wrong expression, guess after guess."""
    calls = [event.calls[0] for event in read_events(log) if isinstance(event, ModelTurn)]
    edits = [call.raw for call in calls if call.name in {"apply_patch", "replace_text"}]
    options = {course.right, "value / value", "left - right", "left * right"}
    return [next(option for option in options if f"return {option}" in raw or f'"{option}"' in raw) for raw in edits]


@pytest.mark.parametrize("name", COURSES)
def test_which_guess_is_right_is_not_in_the_demonstrations(name: str, tmp_path: Path) -> None:
    course = COURSES[name]
    write_tasks(tmp_path / "tasks", course, ("apples",))
    outcomes = demonstrate(tmp_path / "tasks", tmp_path / "run", course, samples=6, seed=0, sandbox="local")
    first = [guesses(log, course)[0] for log in RunDirectory.open(tmp_path / "run").logs()]
    assert 0 < first.count(course.right) < len(first)
    # The repairer goes on until the test passes, the guesser never looks.
    passed = [outcome.passed for outcome in outcomes]
    assert all(passed) if course.visible else passed.count(True) == first.count(course.right)
