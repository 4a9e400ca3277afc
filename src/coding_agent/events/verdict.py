"""The verdict of a graded test run: which of the expected tests were each seen to pass. Nothing else counts."""

from __future__ import annotations

from collections.abc import Iterable

from coding_agent.events.schema import Event, TestRun

TESTS_FAILED = 1
PYTEST_RAN = (0, TESTS_FAILED)
"""Exit statuses after which pytest had run everything that it collected."""


def grade_of(events: Iterable[Event]) -> TestRun | None:
    """The grade, if the episode has one."""
    return next((e for e in events if isinstance(e, TestRun) and e.purpose == "grade"), None)


def passed(run: TestRun) -> bool:
    """Every expected id passed, in a run that came to its own end. A run that expected nothing did not pass."""
    return disbelief(run) is None and bool(run.expected) and not unmet(run)


def disbelief(run: TestRun) -> str | None:
    """Why the run can not count even if every expected test was reported as passed; None: it can."""
    if run.timed_out:
        return "the run was killed for time"
    if run.sentinel is not None and run.sentinel != "failed":
        return {
            "missing": "the test that must fail was never run",
            "passed": "the test that must fail passed: the code under test interferes with the test runner",
        }.get(run.sentinel, f"the test that must fail was {run.sentinel}")
    if run.exit_status not in ((TESTS_FAILED,) if run.sentinel else PYTEST_RAN):
        return f"the run did not come to its own end (exit status {run.exit_status})"
    return None


def unmet(run: TestRun) -> tuple[str, ...]:
    """The expected ids that were not seen to pass: failed, skipped, deselected or never run."""
    return tuple(test for test in run.expected if run.outcomes.get(test) != "passed")
