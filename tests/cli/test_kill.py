"""A run that dies in the middle, with episodes that are complete, on their way, and half-way through a line.

What was acknowledged is known from outside: an episode was told as ended on stderr, or a command of its ran and took a
ticket. Each stage waits for the one before to be acknowledged.
"""

from __future__ import annotations

import contextlib
import json
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import attrs
import pytest

from coding_agent.errors import LogTorn
from coding_agent.store.manifest import read_manifest
from coding_agent.store.reader import LogReport, read_records, verify
from tests.cli.test_commands import ROOT, TASK, document, nap, run, running_below
from tests.patience import PATIENCE_S

# A limit on the size of files has the kernel write the first part of a line. There the process is killed: before the write
# returns to any of our code.
START = """
import os, resource, signal, sys, threading
def end(frame, kind, function):
    if kind == "c_return" and function is os.write and (fd := frame.f_locals.get("fd")) is not None:
        if os.fstat(fd).st_size == resource.getrlimit(resource.RLIMIT_FSIZE)[0]:
            os.kill(os.getpid(), signal.SIGKILL)
threading.setprofile(end)
sys.setprofile(end)
from coding_agent.cli.main import main
main()
"""
COMMAND = """
for n in 1 2 3; do mkdir {place}/ticket-$n 2>&- && exit; done
mkdir {place}/ticket-4 2>&- || {{ mkdir {place}/ticket-5 2>&- || mkdir {place}/ticket-6; exec {nap}; }}
until test -e {place}/go; do sleep 0.02; done
seq 9999
"""


@attrs.frozen
class Run:
    """Three episodes have ended, and three wait in a command: one of them to be told to go on."""

    place: Path
    process: subprocess.Popen[bytes]

    @property
    def out(self) -> Path:
        return self.place / "run"

    @property
    def told(self) -> list[str]:
        """The episodes that were told as ended."""
        return re.findall(r"^\[\d/6\] \w+ +interval-gap #(\d) ", (self.place / "stderr").read_text(), re.MULTILINE)

    def reports(self) -> dict[Path, LogReport]:
        return {log: verify(log) for log in sorted(self.out.glob("episodes/*/*.jsonl"))}


@pytest.fixture
def half_way(tmp_path: Path) -> Iterator[Run]:
    command = COMMAND.format(place=tmp_path, nap=nap(tmp_path))
    calls: list[tuple[str, dict[str, str]]] = [
        ("run_command", {"command": command}),
        ("submit", {"status": "solved", "summary": ""}),
    ]
    turns = [json.dumps({"tool_calls": [{"name": name, "arguments": arguments}]}) for name, arguments in calls]
    (tmp_path / "script.jsonl").write_text("\n".join(turns))
    arguments = ["rollout", TASK, "--policy", f"scripted:{tmp_path}/script.jsonl", "--out", tmp_path / "run",
                 "-k", "6", "-n", "3", "--sandbox", "local"]  # fmt: skip
    with (tmp_path / "stderr").open("wb") as errors:
        process = subprocess.Popen([sys.executable, "-c", START, *map(str, arguments)], cwd=ROOT, stderr=errors)
    found = Run(tmp_path, process)
    _wait(lambda: len(found.told) == 3 and len(list(tmp_path.glob("ticket-*"))) == 6)
    yield found
    process.kill()
    process.wait()
    _wait(lambda: not running_below(tmp_path))


def _wait(until: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not until():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_after_kill_9_what_was_told_is_complete_and_the_rest_is_incomplete(half_way: Run) -> None:
    half_way.process.kill()
    half_way.process.wait()
    found = document(run("verify", half_way.out, "--json"))
    assert sorted(report["condition"] for report in found) == ["incomplete"] * 3 + ["sealed"] * 3
    _nothing_acknowledged_is_lost(half_way)


def test_a_line_that_was_half_written_is_torn_and_what_came_before_it_is_there(half_way: Run) -> None:
    waiting = [log for log, report in half_way.reports().items() if report.condition == "incomplete"]
    limit = max(log.stat().st_size for log in waiting) + 500
    resource.prlimit(half_way.process.pid, resource.RLIMIT_FSIZE, (limit, limit))
    (half_way.place / "go").touch()
    assert half_way.process.wait(timeout=PATIENCE_S) == -signal.SIGKILL
    done = run("verify", half_way.out, "--json")
    found = {Path(report["file"]): report for report in document(done)}
    assert done.returncode == 3
    assert sorted(report["condition"] for report in found.values()) == ["incomplete"] * 2 + ["sealed"] * 3 + ["torn"]
    (torn,) = (log for log, report in found.items() if report["condition"] == "torn")
    assert torn.stat().st_size == limit
    assert "was never completely written" in found[torn]["problem"]
    assert found[torn]["next"]["command"] == ["recover", str(torn)]
    _nothing_acknowledged_is_lost(half_way)
    assert run("recover", half_way.out).returncode == 0
    assert sorted(report.condition for report in half_way.reports().values()) == ["incomplete"] * 3 + ["sealed"] * 3
    _nothing_acknowledged_is_lost(half_way)


def _nothing_acknowledged_is_lost(run: Run) -> None:
    reports = run.reports()
    sealed = {log: report for log, report in reports.items() if report.condition == "sealed"}
    assert sorted(log.name for log in sealed) == sorted(f"{sample}.0.jsonl" for sample in run.told)
    entries = {run.out / entry.path: entry for entry in read_manifest(run.out / "manifest.jsonl")}
    assert {log: (entry.events, entry.head) for log, entry in entries.items()} == {
        log: (report.events, report.head) for log, report in sealed.items()
    }
    # Their commands ran, so their calls had been acknowledged.
    for log in reports.keys() - sealed.keys():
        assert _intact(log) == ["episode_started", "model_turn", "tool_call"]


def _intact(log: Path) -> list[str]:
    found = []
    with contextlib.suppress(LogTorn):
        for record in read_records(log):
            found.append(record.type)  # noqa: PERF401  what came before the tear
    return found
