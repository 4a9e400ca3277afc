"""A TestRun as a policy reads it: a pure function of the event, never of what a test runner printed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from coding_agent.events.schema import TestRun
from coding_agent.events.values import Frame, TestFailure
from coding_agent.tools.text import plural, visible

MAX_EXPLAINED = 20
MAX_FAILED = 100
"""Failed tests that are named at all."""
MAX_PASSED = 40
MAX_FRAMES = 20
_ENDS_BY_ITSELF = frozenset({0, 1, 2, 5})
"""pytest's own exit statuses, but for internal (3) and usage (4) errors."""


def render_test_run(run: TestRun, *, test_s: float | None = None) -> str:
    """The answer of `run_tests`; `test_s` is the limit that the run was under, for a run that hit it."""
    details = _details(run)
    early = _early(run, test_s)
    parts = ["\n".join([_headline(run, details, early=bool(early)), *early])]
    if run.output and (early or not run.outcomes):
        parts.append(
            "The end of what was printed:\n" + visible(run.output.encode("utf-8", "surrogateescape")).strip("\n")
        )
    if details:
        parts.append("\n".join(_explained(run, details)))
    passed = [test for test, outcome in run.outcomes.items() if outcome == "passed"]
    if passed and (len(passed) < len(run.outcomes) or early or details):
        more = [f"[{len(passed) - MAX_PASSED} more passed]"] if len(passed) > MAX_PASSED else []
        parts.append("\n".join([*(f"PASSED {test}" for test in passed[:MAX_PASSED]), *more]))
    return "\n\n".join(parts)


def _details(run: TestRun) -> dict[str, list[TestFailure]]:
    """Everything that failed, in running order, with what is known of it; files that were not collected come last."""
    details: dict[str, list[TestFailure]] = {
        test: [] for test, outcome in run.outcomes.items() if outcome in {"failed", "error"}
    }
    for failure in run.failures:
        if failure.test in details or failure.test not in run.outcomes:
            details.setdefault(failure.test, []).append(failure)
    return details


def _headline(run: TestRun, details: dict[str, list[TestFailure]], *, early: bool) -> str:
    counts = Counter[str](run.outcomes.values())
    counts["error"] += sum(test not in run.outcomes for test in details)
    total = counts.total()
    if not total:
        return f"No tests ran ({_status(run.exit_status)})."
    if counts["passed"] == total and not early:
        return "The 1 test passed." if total == 1 else f"All {total} tests passed."
    words = [plural(counts["error"], "error") if kind == "error" else f"{counts[kind]} {kind}"
             for kind in ("failed", "error", "passed", "skipped", "xfailed", "xpassed") if counts[kind]]  # fmt: skip
    return f"{', '.join(words)}, {total} in all."


def _early(run: TestRun, test_s: float | None) -> list[str]:
    during = f" while {run.running} was running" if run.running else ""
    if run.timed_out:
        limit = "the limit" if test_s is None else f"{test_s:g} s"
        return [f"Timed out after {limit}{during}."]
    if run.running or run.exit_status not in _ENDS_BY_ITSELF:
        return [f"The run ended early: {_status(run.exit_status)}{during}."]
    return []


def _status(exit_status: int | None) -> str:
    if exit_status is None:
        return "killed for time"
    return f"killed by signal {-exit_status}" if exit_status < 0 else f"exit status {exit_status}"


def _explained(run: TestRun, details: dict[str, list[TestFailure]]) -> list[str]:
    lines: list[str] = []
    for number, (test, failures) in enumerate(details.items()):
        if number == MAX_FAILED:
            lines.append(f"[{len(details) - MAX_FAILED} more failed]")
            break
        lines.append(f"{'FAILED' if run.outcomes.get(test) == 'failed' else 'ERROR'} {test}")
        if number < MAX_EXPLAINED:
            lines += [line for failure in failures for line in _failure(failure)]
    return lines


def _failure(failure: TestFailure) -> list[str]:
    place = f" at {failure.file}:{failure.line}" if failure.file else ""
    lines = [f"  {failure.exception}{place}: {_one_line(failure.message)}".rstrip()]
    if failure.frames:
        lines.append(f"  trace: {' > '.join(_steps(failure.frames))}")
    return lines


def _one_line(message: str) -> str:
    return visible(" ".join(message.split()).encode("utf-8", "surrogateescape"))


def _steps(frames: Sequence[Frame]) -> list[str]:
    steps = [f"{frame.file}:{frame.line} in {frame.function}" for frame in frames]
    half = MAX_FRAMES // 2
    return steps if len(steps) <= MAX_FRAMES else [*steps[:half], "...", *steps[-half:]]
