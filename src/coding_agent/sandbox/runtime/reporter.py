"""The pytest plugin that runs beside the tests and tells the runtime what each did, as lines of JSON on a pipe.

It shares a process with the code under test: what it says is evidence, not proof. The exit status and which tests are
missing come from outside.
"""

from __future__ import annotations

import json
import os
import re
import traceback
from collections.abc import Generator
from typing import Any

import pytest

MAX_MESSAGE = 300
MAX_FRAMES = 10
_ADDRESS = re.compile(r"0x[0-9a-fA-F]+")


class Reporter:
    """One line per fact: a file that was collected, a test that starts, an outcome, a failure."""

    def __init__(self, fd: int, root: str, token: str) -> None:
        self._fd, self._root = fd, root + "/"
        self._token = token.encode()
        self._outcomes: dict[str, str] = {}

    def _send(self, **fact: Any) -> None:
        data = self._token + json.dumps(fact).encode() + b"\n"
        while data:
            data = data[os.write(self._fd, data) :]

    def pytest_pycollect_makemodule(self, module_path: Any) -> None:
        self._send(collected=self._relative(str(module_path)))

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        self._send(running=nodeid)

    def pytest_runtest_logfinish(self, nodeid: str) -> None:
        self._send(test=nodeid, outcome=self._outcomes.pop(nodeid, "error"))

    def pytest_runtest_logreport(self, report: Any) -> None:
        outcome = self._outcome(report)
        if (outcome is not None and self._outcomes.get(report.nodeid) not in ("failed", "error")) or outcome == "error":
            self._outcomes[report.nodeid] = outcome

    def _outcome(self, report: Any) -> str | None:
        expected = hasattr(report, "wasxfail")
        if report.failed:
            return "failed" if report.when == "call" else "error"
        if report.skipped:
            return "xfailed" if expected else "skipped"
        if report.when != "call":
            return None
        return "xpassed" if expected else "passed"

    def pytest_exception_interact(self, node: Any, call: Any, report: Any) -> None:
        error = call.excinfo.value
        if isinstance(node, pytest.Collector) and error.__cause__ is not None:
            error = error.__cause__
        self._send(failure=self._failure(report.nodeid or str(node.nodeid), error))

    # The older kind of wrapper, because images bring older versions of pytest.
    @pytest.hookimpl(hookwrapper=True)
    def pytest_make_collect_report(self, collector: Any) -> Generator[None, Any, None]:
        outcome = yield
        report = outcome.get_result()
        if report.failed and report.nodeid:
            self._send(test=report.nodeid, outcome="error")

    def _failure(self, test: str, error: BaseException) -> dict[str, Any]:
        frames = self._frames(error)
        file, line = (frames[-1]["file"], frames[-1]["line"]) if frames else (test.partition("::")[0], 0)
        if isinstance(error, SyntaxError) and str(error.filename).startswith(self._root):
            file, line = self._relative(str(error.filename)), error.lineno or 0
        try:
            text = error.msg if isinstance(error, SyntaxError) else str(error)
        except Exception:
            text = "(its message can not be shown)"
        first = _ADDRESS.sub("0x...", (text or "").strip().partition("\n")[0])[:MAX_MESSAGE]
        if len(frames) > MAX_FRAMES:
            frames = frames[: MAX_FRAMES // 2] + frames[-MAX_FRAMES // 2 :]
        name = type(error).__name__
        return {"test": test, "file": file, "line": line, "exception": name, "message": first, "frames": frames}

    def _frames(self, error: BaseException) -> list[dict[str, Any]]:
        rows = []
        for frame, line in traceback.walk_tb(error.__traceback__):
            path = frame.f_code.co_filename
            if path.startswith(self._root):
                rows.append({"file": self._relative(path), "line": line or 0, "function": frame.f_code.co_name})
        return rows

    def _relative(self, path: str) -> str:
        return path[len(self._root) :] if path.startswith(self._root) else path  # noqa: FURB188  Python 3.8 lacks it


class Unnamed:
    """Folders of tests are not called by their names, which may hold what is expected: other code sees them."""

    @pytest.fixture
    def tmp_path(self, tmp_path_factory: Any) -> Any:
        return tmp_path_factory.mktemp("test")


class Sentinel:
    """Adds a test that must fail to the last module: whoever makes every test pass makes this one pass, too."""

    def __init__(self, name: str) -> None:
        self._name = name

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        parents = [item.getparent(pytest.Module) for item in items]
        parent = next((parent for parent in reversed(parents) if parent is not None), None)
        if parent is not None:
            items.append(pytest.Function.from_parent(parent, name=self._name, callobj=_must_fail))


def _must_fail() -> None:
    raise AssertionError
