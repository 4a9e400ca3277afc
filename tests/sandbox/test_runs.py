"""Test runs, on every backend."""

from __future__ import annotations

import hashlib

from coding_agent.sandbox.base import Grading
from tests.patience import LIMITS_S, PATIENCE_S
from tests.sandbox.steps import Steps, needs

pytestmark = needs("pytest")

ALL = """
import pytest
def test_pass(): pass
def test_fail(): assert 1 + 2 == 4
@pytest.fixture
def broken(): raise ValueError("at 0x7f00deadbeef")
def test_error(broken): pass
@pytest.fixture
def late():
    yield
    raise OSError
def test_teardown(late): pass
@pytest.mark.skip
def test_skip(): pass
@pytest.mark.xfail
def test_xfail(): assert False
@pytest.mark.xfail
def test_xpass(): pass
@pytest.mark.parametrize("x", ["a b", "::"])
def test_each(x): pass
"""


async def test_every_outcome_is_told_by_test_id(steps: Steps) -> None:
    await steps.put({"tests/test_a.py": ALL})
    report = await steps.tests("-q")
    assert {test.removeprefix("tests/test_a.py::test_"): outcome for test, outcome in report.outcomes.items()} == {
        "pass": "passed", "fail": "failed", "error": "error", "teardown": "error", "skip": "skipped", "xfail": "xfailed",
        "xpass": "xpassed", "each[a b]": "passed", "each[::]": "passed",
    }  # fmt: skip
    assert (report.exit_status, report.timed_out, report.running, report.output) == (1, False, None, "")


async def test_a_failure_names_file_line_exception_and_message(steps: Steps) -> None:
    await steps.put({"tests/test_a.py": ALL})
    failures = {failure.test.rpartition("_")[2]: failure for failure in (await steps.tests()).failures}
    assert sorted(failures) == ["error", "fail", "teardown"]
    fail, error = failures["fail"], failures["error"]
    assert (fail.file, fail.line, fail.exception, fail.message) == (
        "tests/test_a.py",
        4,
        "AssertionError",
        "assert (1 + 2) == 4",
    )
    assert (error.exception, error.message) == ("ValueError", "at 0x...")


async def test_frames_are_those_of_the_workspace(steps: Steps) -> None:
    await steps.put(
        {
            "lib.py": "def f(n):\n    return f(n - 1) if n else eval('1/0')\n",
            "test_a.py": "import lib\ndef test_a(): lib.f(2)\n",
        }
    )
    (failure,) = (await steps.tests()).failures
    assert [(frame.file, frame.line, frame.function) for frame in failure.frames] == [
        ("test_a.py", 2, "test_a"), ("lib.py", 2, "f"), ("lib.py", 2, "f"), ("lib.py", 2, "f"),
    ]  # fmt: skip
    assert (failure.file, failure.line) == ("lib.py", 2)


async def test_endless_recursion_keeps_both_ends_of_its_frames(steps: Steps) -> None:
    await steps.put({"test_a.py": "def f(): f()\ndef test_a(): f()\n"})
    (failure,) = (await steps.tests()).failures
    assert (failure.exception, len(failure.frames), failure.frames[0].function) == ("RecursionError", 10, "test_a")


async def test_a_file_that_can_not_be_collected_is_a_failure_of_that_file(steps: Steps) -> None:
    await steps.put({"test_a.py": "import nothing\n", "test_b.py": "def f(:\n", "test_c.py": "def test_c(): pass\n"})
    report = await steps.tests()
    assert dict(report.outcomes) == {"test_a.py": "error", "test_b.py": "error"}
    told = [(failure.test, failure.file, failure.line, failure.exception) for failure in report.failures]
    assert told == [("test_a.py", "test_a.py", 1, "ModuleNotFoundError"), ("test_b.py", "test_b.py", 1, "SyntaxError")]
    assert report.exit_status == 2


async def test_only_the_tests_asked_for_run(steps: Steps) -> None:
    await steps.put({"test_a.py": ALL})
    assert dict((await steps.tests("test_a.py::test_pass")).outcomes) == {"test_a.py::test_pass": "passed"}
    wrong = await steps.tests("test_a.py::test_missing")
    assert (dict(wrong.outcomes), wrong.exit_status, "not found" in wrong.output) == ({}, 4, True)


async def test_nothing_collected_is_told_as_such(steps: Steps) -> None:
    report = await steps.tests()
    assert (dict(report.outcomes), report.exit_status, report.timed_out) == ({}, 5, False)


async def test_the_test_that_was_running_when_the_process_died_is_named(steps: Steps) -> None:
    await steps.put(
        {
            "test_a.py": "import os\ndef test_a(): pass\ndef test_b():\n    print('last words', flush=True)\n    os._exit(0)\n"
        }
    )
    report = await steps.tests("-s")
    assert (dict(report.outcomes), report.running, report.exit_status) == (
        {"test_a.py::test_a": "passed"},
        "test_a.py::test_b",
        0,
    )
    assert "last words" in report.output


async def test_a_test_that_does_not_end_is_killed_and_named(steps: Steps) -> None:
    await steps.put({"test_a.py": "def test_a():\n    while True: pass\n"})
    for limit_s in LIMITS_S[1:]:
        report = await steps.tests(timeout_s=limit_s)
        if report.running:
            break
    assert (report.timed_out, report.exit_status, report.running) == (True, None, "test_a.py::test_a")


async def test_digests_are_of_the_files_before_anything_ran(steps: Steps) -> None:
    text = "open(__file__, 'w').write('')\ndef test_a(): pass\n"
    await steps.put({"test_a.py": text, "sub/test_b.py": ""})
    assert dict((await steps.tests()).digests) == {
        "sub/test_b.py": hashlib.sha256(b"").hexdigest(), "test_a.py": hashlib.sha256(text.encode()).hexdigest()
    }  # fmt: skip


async def test_runs_do_not_know_of_each_other(steps: Steps) -> None:
    await steps.put(
        {
            "lib.py": "X = 1\n",
            "test_a.py": "import lib, sys\ndef test_a(): assert lib.X == 1; sys.modules['json'] = None\n",
        }
    )
    assert (await steps.tests()).exit_status == 0
    await steps.put({"lib.py": "X = 2\n"})
    assert (await steps.tests()).exit_status == 1


async def test_a_module_of_the_workspace_may_have_a_name_of_the_library(steps: Steps) -> None:
    await steps.put({"queue.py": "MINE = 1\n", "test_a.py": "import queue\ndef test_a(): assert queue.MINE\n"})
    assert (await steps.tests()).exit_status == 0


async def test_a_run_leaves_no_caches_behind(steps: Steps) -> None:
    await steps.put({"lib.py": "", "test_a.py": "import lib\ndef test_a(): pass\n"})
    await steps.tests()
    assert await steps.says("ls -a") == ".\n..\nlib.py\ntest_a.py"


async def test_a_run_may_change_the_workspace_and_that_is_told(steps: Steps) -> None:
    await steps.put({"test_a.py": "def test_a(): open('out', 'w').close()\n"})
    await steps.tests()
    assert await steps.changed() == {"out": "add"}


LIAR = """
import json, os, stat
def test_a():
    for fd in range(3, 64):
        try:
            if stat.S_ISFIFO(os.fstat(fd).st_mode):
                for lie in ('[]', '{"test": [], "outcome": "passed"}', '{"test": "x", "outcome": {}}', '{"failure": {"frames": 3}}',
                            '{"failure": {"line": "x", "frames": [1, {"line": 1e400}]}}', '{"collected": []}', '{"running": 1}',
                            '[' * 5000, '{"test": "\\\\u0000bytes", "outcome": "passed"}', '\\\\xff'):
                    os.write(fd, b"\\n" + lie.encode("latin-1") + b"\\n")
        except OSError:
            pass
"""


async def test_lies_of_the_wrong_shape_do_not_break_the_sandbox(steps: Steps) -> None:
    await steps.put({"test_a.py": LIAR})
    report = await steps.tests()
    assert (dict(report.outcomes), report.exit_status) == ({"test_a.py::test_a": "passed"}, 0)


FLOOD = """
import gc, json, os
def test_a():
    reporter = next(each for each in gc.get_objects() if type(each).__name__ == 'Reporter')
    for _ in range(2000):
        os.write(reporter._fd, reporter._token + b'{"failure": {"frames": [{}, {}, {}]}}\\n')
"""


async def test_no_more_failures_are_told_in_detail_than_anybody_reads(steps: Steps) -> None:
    await steps.put({"test_a.py": FLOOD})
    report = await steps.tests()
    assert (dict(report.outcomes), len(report.failures)) == ({"test_a.py::test_a": "passed"}, 1000)


async def test_a_module_written_while_graded_tests_run_does_not_take_the_librarys_place(steps: Steps) -> None:
    make = "def make(): open('colorsys.py', 'w').write('')\n"
    test = "import maker\ndef test_a():\n    maker.make()\n    import colorsys\n    assert colorsys.rgb_to_hsv\n"
    await steps.put({"maker.py": make, "tests/test_a.py": test})
    report = await steps.sandbox.test(["tests"], timeout_s=PATIENCE_S, grading=Grading())
    assert report.outcomes == {"tests/test_a.py::test_a": "passed"}


@needs("programs")
async def test_links_that_lead_in_a_circle_keep_no_test_from_running(steps: Steps) -> None:
    await steps.put({"test_a.py": "def test_a(): pass\n"})
    await steps.sandbox.exec(
        ["sh", "-c", "ln -s b a; ln -s a b; mkdir d; ln -s ../d d/d"], timeout_s=PATIENCE_S, output_bytes=100
    )
    report = await steps.sandbox.test(["test_a.py"], timeout_s=PATIENCE_S, grading=Grading())
    assert report.outcomes == {"test_a.py::test_a": "passed"}


async def test_only_modules_that_are_called_across_cross_themselves(steps: Steps) -> None:
    test = "import apart\ndef test_a(): assert apart.inner.one() == 1\ndef test_b(): apart.other\n"
    await steps.put({"apart/__init__.py": "from . import inner\nimport other\n", "apart/inner.py": "def one(): return 1\n",
                     "other.py": "open('ran', 'a').write('x')\n", "tests/test_a.py": test})  # fmt: skip
    report = await steps.sandbox.test(
        ["tests"], timeout_s=PATIENCE_S, grading=Grading(across=("apart",), own=("tests/test_a.py",))
    )
    assert [*report.outcomes.values()] == ["passed", "failed"]
    assert [failure.exception for failure in report.failures] == ["CanNotCross"]
    assert await steps.text("ran") == "x"


@needs("filesystem")
async def test_code_that_is_called_across_can_not_read_the_tests(steps: Steps) -> None:
    code = "def read(): return [open(n).read() for n in ('tests/test_a.py', 'tests/data')]\n"
    test = "import apart\ndef test_a(): assert apart.read() == ['', 'data']\n"
    await steps.put({"apart.py": code, "tests/test_a.py": test, "tests/data": "data"})
    given = Grading(across=("apart",), hidden=("tests/test_a.py",), own=("tests/test_a.py",))
    report = await steps.sandbox.test(["tests"], timeout_s=PATIENCE_S, grading=given)
    assert report.outcomes == {"tests/test_a.py::test_a": "passed"}


@needs("pytest")
async def test_tests_that_call_code_across_start_no_program_and_run_no_file_that_is_not_theirs(steps: Steps) -> None:
    test = (
        "import subprocess, sys\nfrom importlib.machinery import SourceFileLoader\nimport apart\n"
        "def test_a(): subprocess.run([sys.executable, 'apart.py'])\n"
        "def test_b(): SourceFileLoader('tool', 'tool.py').load_module()\n"
        "def test_c(): exec(compile('1', 'tool.py', 'exec'))\n"
    )
    await steps.put({"apart.py": "", "tool.py": "", "tests/test_a.py": test})
    given = Grading(across=("apart",), own=("tests/test_a.py",))
    report = await steps.sandbox.test(["tests"], timeout_s=PATIENCE_S, grading=given)
    assert [failure.exception for failure in report.failures] == ["RuntimeError", "ImportError", "ImportError"]


async def test_an_exception_of_code_called_across_keeps_its_text_its_file_and_all_its_bases(steps: Steps) -> None:
    code = (
        "class Ours(Exception): pass\nclass Gone(Ours, KeyError):\n    def __str__(self): return 'no ' + self.args[0]\n"
        "def look(name): raise Gone(name)\ndef read(name): return open(name).read()\n"
    )
    test = (
        "import pytest\nimport apart\ndef test_a():\n    with pytest.raises(KeyError, match='no x'): apart.look('x')\n"
        "def test_b():\n    with pytest.raises(apart.Ours): apart.look('x')\n"
        "def test_c():\n    with pytest.raises(FileNotFoundError, match='gone.txt'): apart.read('gone.txt')\n"
    )
    await steps.put({"apart.py": code, "tests/test_a.py": test})
    given = Grading(across=("apart",), own=("tests/test_a.py",))
    report = await steps.sandbox.test(["tests"], timeout_s=PATIENCE_S, grading=given)
    assert [*report.outcomes.values()] == ["passed"] * 3


async def test_what_is_held_by_a_kind_of_plain_value_crosses_and_so_do_large_numbers(steps: Steps) -> None:
    code = (
        "import enum\nclass Colour(str, enum.Enum): RED = 'red'\nclass Odd(list):\n    def __iter__(self): return iter([])\n"
        "class Two(int):\n    def __int__(self): return 3\nclass Raw(bytes):\n    def __bytes__(self): return b''\n"
        "def each(): return [Colour.RED, Odd([1]), Two(2), Raw(b'raw'), True, -0.0]\ndef large(x): return -(x ** 2), x\n"
        "def deep():\n    found = []\n    for _ in range(100000): found = [found]\n    return found\n"
    )
    test = (
        "import pytest\nimport apart\ndef test_a(): assert repr(apart.each()) == repr(['red', [1], 2, b'raw', True, -0.0])\n"
        "def test_b(): assert apart.large(3 ** 9000) == (-(3 ** 18000), 3 ** 9000)\n"
        "def test_c():\n    with pytest.raises(RecursionError): apart.deep()\n    assert apart.each()\n"
    )
    await steps.put({"apart.py": code, "tests/test_a.py": test})
    given = Grading(across=("apart",), own=("tests/test_a.py",))
    report = await steps.sandbox.test(["tests"], timeout_s=30.0, grading=given)
    assert [*report.outcomes.values()] == ["passed"] * 3
