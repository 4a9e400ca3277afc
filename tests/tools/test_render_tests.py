"""A test run in words: to the letter of docs/reference/tools.md."""

from __future__ import annotations

from typing import Any

from coding_agent.events.schema import TestRun
from coding_agent.events.values import Frame, TestFailure
from coding_agent.tools.render_tests import MAX_FRAMES, render_test_run


def run(outcomes: dict[str, Any], **fields: Any) -> TestRun:
    given = {"exit_status": 1, "purpose": "agent", "command": ("python", "-m", "pytest"), "tree": "0" * 64}
    return TestRun(outcomes=outcomes, **{**given, **fields})


def failure(test: str, **fields: Any) -> TestFailure:
    given = {"file": "tests/test_a.py", "line": 9, "exception": "AssertionError", "message": "assert 3 == 4"}
    return TestFailure(test=test, **{**given, **fields})


def test_failures_come_first_with_their_reason_and_trace() -> None:
    frames = (
        Frame(file="tests/test_ledger.py", line=9, function="test_balance"),
        Frame(file="src/wallet/ledger.py", line=7, function="balance"),
    )
    failures = (
        failure("tests/test_ledger.py::test_balance", file="tests/test_ledger.py", frames=frames),
        failure("tests/test_broken.py", file="tests/test_broken.py", line=1, exception="ModuleNotFoundError",
                message="No module named 'nope'"),
    )  # fmt: skip
    outcomes = {"tests/test_ledger.py::test_empty": "passed", "tests/test_ledger.py::test_balance": "failed"}
    assert render_test_run(run(outcomes, failures=failures)) == (
        "1 failed, 1 error, 1 passed, 3 in all.\n"
        "\n"
        "FAILED tests/test_ledger.py::test_balance\n"
        "  AssertionError at tests/test_ledger.py:9: assert 3 == 4\n"
        "  trace: tests/test_ledger.py:9 in test_balance > src/wallet/ledger.py:7 in balance\n"
        "ERROR tests/test_broken.py\n"
        "  ModuleNotFoundError at tests/test_broken.py:1: No module named 'nope'\n"
        "\n"
        "PASSED tests/test_ledger.py::test_empty"
    )


def test_a_run_in_which_all_passed_is_one_line() -> None:
    assert render_test_run(run({"a": "passed", "b": "passed"}, exit_status=0)) == "All 2 tests passed."
    assert render_test_run(run({"a": "passed"}, exit_status=0)) == "The 1 test passed."


def test_every_kind_of_outcome_is_counted_in_a_fixed_order() -> None:
    kinds = ["xpassed", "xfailed", "skipped", "passed", "error", "error", "failed"]
    said = render_test_run(run({f"t{n}": kind for n, kind in enumerate(kinds)}))
    assert said.split("\n")[0] == "1 failed, 2 errors, 1 passed, 1 skipped, 1 xfailed, 1 xpassed, 7 in all."


def test_a_run_without_tests_shows_the_end_of_what_was_printed() -> None:
    said = render_test_run(run({}, exit_status=4, output="ERROR: file not found: nope\n"))
    assert said == (
        "No tests ran (exit status 4).\nThe run ended early: exit status 4.\n\n"
        "The end of what was printed:\nERROR: file not found: nope"
    )


def test_a_run_that_collected_nothing_did_not_end_early() -> None:
    assert render_test_run(run({}, exit_status=5)) == "No tests ran (exit status 5)."


def test_a_run_that_ended_early_says_where() -> None:
    said = render_test_run(run({"t::a": "passed"}, exit_status=0, running="t::b"))
    assert said == "1 passed, 1 in all.\nThe run ended early: exit status 0 while t::b was running.\n\nPASSED t::a"


def test_a_run_that_was_killed_for_time_says_its_limit() -> None:
    said = render_test_run(run({"t::a": "failed"}, exit_status=None, timed_out=True, running="t::b"), test_s=60.0)
    assert said.split("\n")[1] == "Timed out after 60 s while t::b was running."


def test_a_signal_is_named() -> None:
    said = render_test_run(run({"t::a": "passed"}, exit_status=-9))
    assert "The run ended early: killed by signal 9." in said


def test_only_so_many_failures_are_explained_and_named() -> None:
    names = [f"t{n}" for n in range(130)]
    said = render_test_run(run(dict.fromkeys(names, "failed"), failures=tuple(failure(name) for name in names)))
    assert (said.count("\nFAILED t"), said.count("AssertionError"), said.split("\n")[-1]) == (
        100,
        20,
        "[30 more failed]",
    )


def test_only_so_many_passed_tests_are_named() -> None:
    said = render_test_run(run({"bad": "failed", **{f"t{n}": "passed" for n in range(41)}}))
    assert (said.count("PASSED "), said.split("\n")[-1]) == (40, "[1 more passed]")


def test_a_long_trace_keeps_its_ends() -> None:
    frames = tuple(Frame(file="f.py", line=n, function="f") for n in range(100))
    trace = render_test_run(run({"t": "failed"}, failures=(failure("t", frames=frames),))).split("\n")[-1]
    assert trace.count(" > ") == MAX_FRAMES
    assert " > f.py:9 in f > ... > f.py:90 in f > " in trace


def test_a_test_that_failed_twice_is_named_once_with_both_reasons() -> None:
    failures = (failure("t"), failure("t", message="and again"))
    said = render_test_run(run({"t": "error"}, failures=failures))
    assert (said.count("ERROR t"), said.count("AssertionError")) == (1, 2)


def test_a_message_of_several_lines_is_shown_in_one() -> None:
    said = render_test_run(run({"t": "failed"}, failures=(failure("t", message="one\n  two\x1b"),)))
    assert said.endswith("AssertionError at tests/test_a.py:9: one two\\x1b")
