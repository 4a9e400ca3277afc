"""The verdict of a graded test run: which of the expected tests were each seen to pass. Nothing else counts."""

from __future__ import annotations

from collections.abc import Iterable

from coding_agent.events.schema import Event, TestRun

PYTEST_RAN = (0, 1)
"""Exit statuses after which pytest had run everything that it collected."""


def grade_of(events: Iterable[Event]) -> TestRun | None:
    """The grade, if the episode has one."""
    return next((e for e in events if isinstance(e, TestRun) and e.purpose == "grade"), None)


def passed(run: TestRun) -> bool:
    """Every expected id passed, in a run that came to its own end. A run that expected nothing did not pass."""
    complete = not run.timed_out and run.exit_status in PYTEST_RAN
    return complete and bool(run.expected) and not unmet(run)


def unmet(run: TestRun) -> tuple[str, ...]:
    """The expected ids that were not seen to pass: failed, skipped, deselected or never run."""
    return tuple(test for test in run.expected if run.outcomes.get(test) != "passed")
