"""Test runs: pytest is imported once, into the runtime, from outside the workspace; each run is a fork of that."""

from __future__ import annotations

import gc
import json
import os
import sys
from typing import Any, Dict, List

from .capture import Capture, Kept
from .process import run

MAX_RECORDS = 32 << 20
OPTIONS = ["-p", "no:cacheprovider", "--tb=no", "--color=no", "--no-header"]


def run_tests(args: List[str], timeout_s: float, output_bytes: int, config: Dict[str, Any]) -> Dict[str, Any]:
    """One pytest run with these arguments. ImportError when this interpreter has no pytest."""
    import pytest

    from .reporter import Reporter

    gc.freeze()
    root = config["root"]

    def main(fds: Dict[str, int]) -> int:
        package_parent = config["package_parent"]
        sys.path[:] = [root] + [entry for entry in sys.path if entry not in ("", package_parent, root)]
        sys.argv = ["pytest", *args]
        os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
        sys.dont_write_bytecode = True
        arguments = [*OPTIONS, "--rootdir=" + root, *args]
        status = int(pytest.main(arguments, plugins=[Reporter(fds["records"], root)]))
        sys.stdout.flush()
        sys.stderr.flush()
        return status

    output, records = Capture(2 * output_bytes), Kept(MAX_RECORDS)
    ended = run(main, {"out": output, "records": records}, config, timeout_s)
    report = _fold(bytes(records.data))
    report.update(exit_status=ended.status, timed_out=ended.timed_out, output="")
    if not report["outcomes"] or ended.timed_out or ended.status not in (0, 1, 2, 5):
        kept = output.result()
        tail = (kept["head"] + kept["tail"])[-output_bytes:]
        report["output"] = tail.decode("utf-8", "backslashreplace").replace(root, "/workspace")
    return report


def _fold(raw: bytes) -> Dict[str, Any]:
    report: Dict[str, Any] = {"outcomes": {}, "failures": [], "digests": {}, "running": None}
    for line in raw.split(b"\n"):
        try:
            fact = json.loads(line)
        except ValueError:
            continue
        if not isinstance(fact, dict):
            continue
        if "outcome" in fact:
            report["outcomes"][fact.get("test")] = fact["outcome"]
            report["running"] = None
        elif "running" in fact:
            report["running"] = fact["running"]
        elif "failure" in fact:
            report["failures"].append(fact["failure"])
        elif "sha256" in fact:
            report["digests"].setdefault(fact.get("file"), fact["sha256"])
    return report
