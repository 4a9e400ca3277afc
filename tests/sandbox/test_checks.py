"""Tests in the small language that every backend understands: pytest and its simulation find the same in them."""

from __future__ import annotations

import hashlib

from coding_agent.sandbox.base import TestCaseFailure, TestFrame
from tests.sandbox.steps import Steps

CHECKS = """
def test_mended():
    assert "2 * x" in open("double.py").read(), "double.py: not doubled"


def test_clean():
    assert "TODO" not in open("double.py").read(), "double.py: something is left to do"
    assert "def" in open("double.py").read(), "double.py: no function"


def test_documented():
    assert "double" in open("README").read(), "README: says nothing"
"""
TREE = {"double.py": "def double(x):\n    return 2 + x  # TODO\n", "tests/test_double.py": CHECKS}
IDS = [f"tests/test_double.py::test_{name}" for name in ("mended", "clean", "documented")]


def failure(test: str, line: int, exception: str, message: str) -> TestCaseFailure:
    file, _, function = test.partition("::")
    frame = TestFrame(file=file, line=line, function=function)
    return TestCaseFailure(test=test, file=file, line=line, exception=exception, message=message, frames=(frame,))


async def test_failures_have_the_same_lines_exceptions_and_messages(steps: Steps) -> None:
    await steps.put(TREE)
    report = await steps.tests()
    assert list(report.outcomes.items()) == [(test, "failed") for test in IDS]
    assert list(report.failures) == [
        failure(IDS[0], 3, "AssertionError", "double.py: not doubled"),
        failure(IDS[1], 7, "AssertionError", "double.py: something is left to do"),
        failure(IDS[2], 12, "FileNotFoundError", "[Errno 2] No such file or directory: 'README'"),
    ]
    assert (report.exit_status, report.running, report.output, report.timed_out) == (1, None, "", False)
    assert dict(report.digests) == {"tests/test_double.py": hashlib.sha256(CHECKS.encode()).hexdigest()}


async def test_what_was_mended_passes(steps: Steps) -> None:
    await steps.put({**TREE, "double.py": "def double(x):\n    return 2 * x\n", "README": "double"})
    report = await steps.tests("-q", "tests")
    assert (list(report.outcomes.items()), report.exit_status) == ([(test, "passed") for test in IDS], 0)


async def test_files_and_tests_run_in_the_same_order(steps: Steps) -> None:
    body = 'def test_x():\n    assert "a" in open("b/a_test.py").read(), "m"\n'
    await steps.put(dict.fromkeys(("test_z.py", "b/a_test.py", "a/test_x.py", "a/b/test_x2.py", "test_a.py"), body))
    assert list((await steps.tests()).outcomes) == [
        f"{path}::test_x" for path in ("a/b/test_x2.py", "a/test_x.py", "b/a_test.py", "test_a.py", "test_z.py")
    ]
    assert list((await steps.tests("test_z.py", "a/test_x.py")).outcomes) == [
        "test_z.py::test_x",
        "a/test_x.py::test_x",
    ]


async def test_a_broken_file_ends_the_run_unless_it_shall_go_on(steps: Steps) -> None:
    await steps.put({**TREE, "test_a.py": "def test_a(:\n"})
    report = await steps.tests()
    assert (dict(report.outcomes), report.exit_status) == ({"test_a.py": "error"}, 2)
    assert [(f.test, f.line, f.exception, f.frames) for f in report.failures] == [("test_a.py", 1, "SyntaxError", ())]
    assert len((await steps.tests("--continue-on-collection-errors")).outcomes) == 4


async def test_one_test_can_be_asked_for_and_a_missing_one_is_told(steps: Steps) -> None:
    await steps.put(TREE)
    assert list((await steps.tests(IDS[1])).outcomes) == [IDS[1]]
    for missing in ("tests/test_double.py::test_missing", "tests/test_missing.py"):
        report = await steps.tests(missing)
        assert (dict(report.outcomes), report.exit_status) == ({}, 4)


async def test_no_tests_are_told_as_such(steps: Steps) -> None:
    await steps.put({"double.py": ""})
    report = await steps.tests()
    assert (dict(report.outcomes), report.exit_status) == ({}, 5)
