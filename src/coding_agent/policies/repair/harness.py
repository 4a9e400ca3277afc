"""Tries mutants, or traces tests, on a copy of the working directory. Runs in the sandbox, fed to `python -`."""

import base64
import contextlib
import gc
import json
import os
import shutil
import signal
import sys
import tempfile
import zlib

import pytest

JOB = json.loads(zlib.decompress(base64.b64decode(sys.argv[1])))
SOURCE = os.getcwd()
CPU_S = JOB["cpu_s"]
WALL_S = 20


class Outcomes:
    """Notes each test's outcome, and in trace mode the lines that it ran."""

    def __init__(self, root, trace):
        self.root, self.trace = root, trace
        self.failed, self.passed, self.seen, self.lines = [], [], set(), {}

    def pytest_runtest_logreport(self, report):
        if report.failed and report.nodeid not in self.failed:
            self.failed.append(report.nodeid)
        elif report.when == "call" and report.passed:
            self.passed.append(report.nodeid)

    def pytest_collectreport(self, report):
        if report.failed:
            self.failed.append(report.nodeid)

    @pytest.hookimpl(hookwrapper=True)
    def pytest_runtest_call(self, item):
        self.seen = set()
        if self.trace:
            signal.signal(signal.SIGPROF, _stop)
            signal.setitimer(signal.ITIMER_PROF, CPU_S)
            sys.settrace(self._enter)
        yield
        if self.trace:
            sys.settrace(None)
            signal.setitimer(signal.ITIMER_PROF, 0)
            self.lines[item.nodeid] = self.seen

    def _enter(self, frame, event, argument):
        name = frame.f_code.co_filename
        if not name.startswith(self.root) or "/test" in name[len(self.root) :] or "conftest" in name:
            return None
        self.seen.add((name[len(self.root) + 1 :], frame.f_lineno))
        return self._line

    def _line(self, frame, event, argument):
        self.seen.add((frame.f_code.co_filename[len(self.root) + 1 :], frame.f_lineno))
        return self._line


def _stop(number, frame):
    raise TimeoutError("stopped: this test used up its processor time")


def run(root, arguments, trace=False):
    """Outcomes of one pytest session in a process of its own; a word instead when it never came to its end."""
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read)
        if not trace:
            signal.setitimer(signal.ITIMER_PROF, CPU_S)
        signal.alarm(WALL_S)
        null = os.open(os.devnull, os.O_RDWR)
        for descriptor in (0, 1, 2):
            os.dup2(null, descriptor)
        os.chdir(root)
        sys.path[0] = root
        outcomes = Outcomes(root, trace)
        with contextlib.suppress(BaseException):
            pytest.main([*arguments, "-p", "no:cacheprovider", "-p", "no:faulthandler", "--tb=no"], plugins=[outcomes])
            signal.setitimer(signal.ITIMER_PROF, 0)
            lines = {test: sorted(seen) for test, seen in outcomes.lines.items()}
            with os.fdopen(write, "w") as pipe:
                json.dump({"failed": outcomes.failed, "passed": outcomes.passed, "lines": lines}, pipe)
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        text = pipe.read()
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status) and os.WTERMSIG(status) in (signal.SIGPROF, signal.SIGALRM):
        return "hangs"
    return json.loads(text) if text else "crashes"


def options():
    """The options of the task's command, without its paths."""
    return [word for word in JOB["arguments"] if word.startswith("-")]


def attempt(root):
    """One line on the mutant that is in place."""
    failing, known = set(JOB["failing"]), set(JOB["known"]) | set(JOB["failing"])
    first = run(root, [*options(), *JOB["failing"]])
    if isinstance(first, str):
        return first
    fixed = sorted(failing & set(first["passed"]) - set(first["failed"]))
    broke = 0
    if fixed:
        whole = run(root, JOB["arguments"])
        if isinstance(whole, str):
            return whole
        broke = len(set(whole["failed"]) - known)
        fixed = [test for test in fixed if test not in whole["failed"]]
    return "fixes %d of %d, breaks %d" % (len(fixed), len(failing), broke)


def try_all(root):
    """Every mutant in turn."""
    texts = []
    for path in JOB["paths"]:
        with open(os.path.join(root, path), encoding="utf-8", newline=None) as file:
            texts.append(file.read())
    print("mutants tried:", len(JOB["edits"]))
    hangs = 0
    for key, index, start, end, text in JOB["edits"]:
        if hangs >= JOB["hangs"]:
            print(key, "skipped")
            continue
        path = os.path.join(root, JOB["paths"][index])
        with open(path, "w", encoding="utf-8") as file:
            file.write(texts[index][:start] + text + texts[index][end:])
        said = attempt(root)
        hangs += said == "hangs"
        print(key, said, flush=True)
        with open(path, "w", encoding="utf-8") as file:
            file.write(texts[index])


def trace_all(root):
    """Which lines failing and passing tests ran, lines that no failing test ran left out."""
    answer = run(root, JOB["arguments"], trace=True)
    if isinstance(answer, str):
        answer = run(root, [*options(), *JOB["failing"]], trace=True)
    lines = {} if isinstance(answer, str) else answer["lines"]
    failing = [test for test in lines if test in set(JOB["failing"]) | set(answer["failed"])]
    counts = {}
    for test, seen in lines.items():
        for path, line in seen:
            counts.setdefault(path, {}).setdefault(line, [0, 0])[test not in failing] += 1
    print("lines run by failing tests:", len(failing), "failing,", len(lines) - len(failing), "passing")
    for path in sorted(counts):
        runs = []
        for line, (bad, good) in sorted(counts[path].items()):
            if not bad:
                continue
            if runs and runs[-1][1] == line - 1 and runs[-1][2:] == [bad, good]:
                runs[-1][1] = line
            else:
                runs.append([line, line, bad, good])
        if runs:
            print(path + ":", *("%d-%d:%d/%d" % tuple(part) for part in runs))


def warm_up(place):
    """Load what every session loads, plugins included, once and before any fork."""
    os.mkdir(place)
    quiet = os.open(os.devnull, os.O_WRONLY)
    kept = os.dup(1), os.dup(2)
    for descriptor in (1, 2):
        os.dup2(quiet, descriptor)
    with open(os.path.join(place, "test_nothing.py"), "w") as file:
        file.write("def test_nothing():\n    assert 1 == 2\n")
    pytest.main(["--rootdir", place, "-c", os.devnull, "-p", "no:cacheprovider", "-p", "no:faulthandler", place])
    sys.stdout.flush()
    for descriptor, copy in zip((1, 2), kept):  # noqa: B905 - Python 3.9 has no strict
        os.dup2(copy, descriptor)
    gc.collect()
    gc.freeze()


def main():
    """Work on a copy, so that whatever happens here the workspace stays as it is."""
    sys.dont_write_bytecode = True
    os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
    with tempfile.TemporaryDirectory() as place:
        root = os.path.join(os.path.realpath(place), "copy")
        shutil.copytree(
            SOURCE, root, ignore=shutil.ignore_patterns(".git", "__pycache__", "*.pyc", ".venv"), symlinks=True
        )
        warm_up(os.path.join(os.path.realpath(place), "warm"))
        (try_all if JOB["mode"] == "try" else trace_all)(root)


main()
