"""Test runs: pytest is imported once, into the runtime, from outside the workspace; each run is a fork of that.

What the run says of itself is checked here, fact by fact: it comes from a process that the agent's code shares.
"""

from __future__ import annotations

import gc
import importlib
import importlib.abc
import importlib.machinery
import json
import os
import secrets
import sys
from collections.abc import Iterator
from typing import Any

from . import across, imports
from .capture import Capture, Kept
from .process import run

MAX_RECORDS = 32 << 20
MAX_TEXT = 2000
MAX_FRAMES = 20
MAX_FAILURES = 1000
"""That are told of in detail; the outcome of each test is told in any case."""
OPTIONS = ["-p", "no:cacheprovider", "--tb=no", "--color=no", "--no-header"]
OUTCOMES = frozenset(["passed", "failed", "error", "skipped", "xfailed", "xpassed"])
ENDINGS = (0, 1, 2, 5)
"""pytest's exit statuses for runs that went their way."""


def warm() -> None:
    """Import pytest and what every run of it imports. ImportError when this interpreter has no pytest."""
    import site

    import _pytest.config
    import pytest  # noqa: F401

    from . import reporter  # noqa: F401

    for name in _pytest.config.default_plugins:
        importlib.import_module("_pytest." + name)
    # The runtime starts without `site`; the code under test may still say `exit`.
    site.setquit()
    site.setcopyright()
    site.sethelper()
    gc.collect()
    gc.freeze()


class Grading:
    """What a graded run has over an agent's own: a test that must fail, and code that is called in another process."""

    def __init__(self, across: list[str], hidden: list[str], own: list[str]) -> None:
        self.across, self.hidden, self.own = across, hidden, frozenset(own)
        """Modules of the workspace whose functions run in a process of their own, files that are empty there, and the
        only files of the workspace that the tests import themselves then."""
        self.sentinel = "test_" + secrets.token_hex(6)


def run_tests(
    args: list[str],
    timeout_s: float,
    output_bytes: int,
    config: dict[str, Any],
    digests: dict[str, str],
    grading: Grading | None = None,
) -> dict[str, Any]:
    """One pytest run with these arguments. `digests`: of every file, from before the run."""
    if "pytest" not in sys.modules:
        warm()
    hidden = os.fsencode(config["hidden"])
    output, records = Capture(2 * output_bytes, hidden), Kept(MAX_RECORDS)
    # Lines without it were not written by the reporter: whoever finds the pipe still has to find this.
    token = secrets.token_hex(16)
    apart = grading if grading is not None and grading.across else None
    ended = run(
        lambda fds: _pytest_main(args, fds, config, token, grading),
        {"out": output, "records": records},
        config,
        timeout_s,
        beside=None if apart is None else lambda: across.start(apart.hidden, config),
    )
    raw = bytes(records.data)
    report = _fold(raw.replace(hidden, b"") if hidden else raw, digests, token.encode())
    report["sentinel"] = None if grading is None else _take_sentinel(report, grading.sentinel)
    report.update(exit_status=ended.status, timed_out=ended.timed_out, output="")
    early = ended.timed_out or report["running"] is not None or ended.status not in ENDINGS
    if early or not report["outcomes"]:
        kept = output.result()
        report["output"] = (kept["head"] + kept["tail"])[-output_bytes:].decode("utf-8", "backslashreplace")
    return report


def _take_sentinel(report: dict[str, Any], name: str) -> str:
    """What the must-fail test did; nothing else of it stays in the report."""
    found = [test for test in report["outcomes"] if test.endswith("::" + name)]
    outcomes = [report["outcomes"].pop(test) for test in found]
    report["failures"] = [failure for failure in report["failures"] if not failure["test"].endswith("::" + name)]
    if str(report["running"]).endswith("::" + name):
        report["running"] = None
    return outcomes[0] if len(outcomes) == 1 else "missing"


def _pytest_main(
    args: list[str], fds: dict[str, int], config: dict[str, Any], token: str, grading: Grading | None
) -> int:
    import pytest

    from .reporter import Reporter, Sentinel, Unnamed

    root = config["root"]
    sys.path[:] = [root] + [entry for entry in sys.path if entry not in ("", config["package_parent"], root)]
    sys.argv = ["pytest", *args]
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    sys.dont_write_bytecode = True
    imports.from_sources(root, own=grading.own if grading is not None and "beside" in fds else None)
    _forget_shadowed(root)
    plugins: list[Any] = [Reporter(fds["records"], root, token)]
    if grading is not None:
        plugins.append(Sentinel(grading.sentinel))
        sys.meta_path.insert(0, LibraryFirst(root))
        if "beside" in fds:
            plugins.append(Unnamed())
            across.call_across(grading.across, fds["beside"], root, grading.own)
    try:
        return int(pytest.main([*OPTIONS, "--rootdir=" + root, *args], plugins=plugins))
    finally:
        sys.stdout.flush()
        sys.stderr.flush()


class LibraryFirst(importlib.abc.MetaPathFinder):
    """What the library has, and the workspace has not when the run begins, is the library's: code under test may write a
    module of that name for the tests' process to import."""

    def __init__(self, root: str) -> None:
        self._root, self._ours = root, set(_modules(root))

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> Any:
        if path is not None or fullname in self._ours:
            return None
        library = [entry for entry in sys.path if entry not in ("", self._root)]
        return importlib.machinery.PathFinder.find_spec(fullname, library, target)


def _forget_shadowed(root: str) -> None:
    """Let the workspace's own `queue.py` be imported, though the runtime has imported the library's."""
    here = set(_modules(root)) - {"pytest", "sys", "os", "builtins"}
    library = os.path.dirname(os.__file__) + os.sep
    for name, module in list(sys.modules.items()):
        origin = getattr(module, "__file__", None) or ""
        if name.partition(".")[0] in here and origin.startswith(library) and os.sep + "site-packages" not in origin:
            del sys.modules[name]


def _modules(root: str) -> Iterator[str]:
    """Names that can be imported from a folder; a folder in it that is no package stands behind the library's modules."""
    for name in os.listdir(root):
        try:
            inside = [f"{name}/{file}" for file in os.listdir(os.path.join(root, name))]
        except OSError:  # no folder, or a link that leads nowhere or round in a circle
            inside = []
        places = map(imports.module_place, (name, *inside))
        yield from (place for place in places if place is not None and "/" not in place)


def _fold(raw: bytes, digests: dict[str, str], token: bytes) -> dict[str, Any]:
    report: dict[str, Any] = {"outcomes": {}, "failures": [], "digests": {}, "running": None, "forged": 0}
    for line in raw.split(b"\n"):
        if not line.startswith(token):
            # The last one may have been cut, and then it is nobody's lie.
            report["forged"] += not token.startswith(line)
            continue
        try:
            fact = json.loads(line[len(token) :])
        except (ValueError, RecursionError):
            continue
        if isinstance(fact, dict):
            _take(report, fact, digests)
    return report


def _take(report: dict[str, Any], fact: dict[str, Any], digests: dict[str, str]) -> None:
    test = fact.get("test")
    if isinstance(test, str) and "\0" not in test and fact.get("outcome") in list(OUTCOMES):
        report["outcomes"][test[:MAX_TEXT]] = fact["outcome"]
        report["running"] = None
    elif isinstance(fact.get("running"), str):
        report["running"] = fact["running"][:MAX_TEXT]
    elif isinstance(fact.get("failure"), dict) and len(report["failures"]) < MAX_FAILURES:
        report["failures"].append(_failure(fact["failure"]))
    elif isinstance(fact.get("collected"), str) and fact["collected"] in digests:
        report["digests"][fact["collected"]] = digests[fact["collected"]]


def _failure(told: dict[str, Any]) -> dict[str, Any]:
    texts = {key: _text(told.get(key)) for key in ("test", "file", "exception", "message")}
    told_frames = told.get("frames")
    frames = [frame for frame in told_frames if isinstance(frame, dict)] if isinstance(told_frames, list) else []
    return {
        **texts,
        "line": _number(told.get("line")),
        "frames": [
            {
                "file": _text(frame.get("file")),
                "line": _number(frame.get("line")),
                "function": _text(frame.get("function")),
            }
            for frame in frames[:MAX_FRAMES]
        ],
    }


def _text(value: Any) -> str:
    return value[:MAX_TEXT] if isinstance(value, str) else ""


def _number(value: Any) -> int:
    return value if type(value) is int and 0 <= value < 1 << 31 else 0
