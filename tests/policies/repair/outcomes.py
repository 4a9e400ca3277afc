"""A pytest plugin that writes what each test did, as JSON, to the file named by OUTCOMES."""

from __future__ import annotations

import json
import os
from typing import Any

import pytest

FOUND: dict[str, dict[str, Any]] = {}


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: Any, call: Any) -> Any:
    report = (yield).get_result()
    if report.when == "call" or report.failed:
        FOUND[report.nodeid] = {"passed": report.passed, **_why(call.excinfo)}


def pytest_collectreport(report: Any) -> None:
    if report.failed:
        FOUND[report.nodeid] = {"passed": False, "collect": True}


def pytest_sessionfinish() -> None:
    with open(os.environ["OUTCOMES"], "w", encoding="utf-8") as file:  # noqa: PTH123
        json.dump(FOUND, file)


def _why(info: Any) -> dict[str, Any]:
    if info is None:
        return {}
    here = os.getcwd() + "/"  # noqa: PTH109
    entries = [e for e in info.traceback if str(e.path).startswith(here)]
    frames = [[str(e.path)[len(here) :], e.lineno + 1, e.name] for e in entries]
    message = str(info.value).split("\n")[0] if str(info.value) else ""
    return {"exception": info.type.__name__, "message": message, "frames": frames}
