"""Grading: a fresh sandbox, the task's own base, only the allowed changes, the task's own tests. The agent has no say.

The verdict is not computed here: the TestRun says which ids were expected and what each did (`projections.verdict`).
"""

from __future__ import annotations

import contextlib
import re
import signal
import time
from collections.abc import Collection, Iterable
from pathlib import Path

import anyio

from coding_agent.errors import SandboxError
from coding_agent.events.redact import NO_SECRETS, Secrets
from coding_agent.events.schema import Event, TestRun
from coding_agent.rollout.clean import CleanSandbox
from coding_agent.rollout.fill import fill
from coding_agent.rollout.record import to_test_run
from coding_agent.rollout.submission import expected_files, own_files, submission
from coding_agent.rollout.workspace import ReadBlob, Tree, base_tree, recorded_changes, replay_changes
from coding_agent.sandbox.aside import EACH, aside
from coding_agent.sandbox.base import Grading, Refused, Sandbox, SandboxBackend, SandboxSpec, TestReport
from coding_agent.tasks.spec import TaskSpec

SET_UP_S = 120.0
BLOB = 1 << 19
"""What it takes to read a file that is large, in bytes as `EACH` is."""


def graded_args(task: TaskSpec) -> tuple[str, ...]:
    """pytest arguments: the options of the task's command, and each file that holds an expected test."""
    options = [option for option in task.test_command[3:] if option.startswith("-")]
    return (*options, "--maxfail=0", "--continue-on-collection-errors", *sorted(expected_files(task)))


def grading(task: TaskSpec) -> Grading:
    """What guards the graded run: the folders of its tests can not be changed, and code apart can not read them.

    That code may read hidden files that are no modules: they may be what a test gives it. The tests import no file but
    the task's own then.
    """
    tests, own = expected_files(task), own_files(task)
    folders = {file.rpartition("/")[0] or file for file in tests | set(task.hidden)}
    if task.across:
        folders |= _covering(own, {*task.files, *task.hidden} - own)
    inner = {folder for folder in folders if any(folder.startswith(f"{other}/") for other in folders)}
    hidden = tests | {file for file in task.hidden if file.endswith(".py")}
    return Grading(
        protect=tuple(sorted(folders - inner)), across=task.across, hidden=tuple(sorted(hidden)),
        own=tuple(sorted(own)) if task.across else (),
    )  # fmt: skip


def _covering(own: Collection[str], changeable: Collection[str]) -> set[str]:
    """The largest folders that hold only what is the task's own, and its files that lie in no such folder."""
    mixed = {folder for file in changeable for folder in _folders(file)}
    return {next((folder for folder in _folders(file) if folder not in mixed), file) for file in own}


def _folders(file: str) -> list[str]:
    """Those that it lies in, from the top."""
    return [file[:at] for at, letter in enumerate(file) if letter == "/"]


async def grade(
    task: TaskSpec, events: Iterable[Event], *, backend: SandboxBackend, spec: SandboxSpec, test_s: float,
    read_blob: ReadBlob, secrets: Secrets = NO_SECRETS,
) -> TestRun:  # fmt: skip
    """Run the graded tests over the recorded changes. Raises SandboxError, StoreError: never a low reward."""
    changes = recorded_changes(events)
    size = sum(BLOB if file.blob is not None else EACH for each in changes for file in each.files)
    agent = await aside(size, replay_changes, base_tree(task.files), changes, read_blob)
    return await grade_tree(task, agent, backend=backend, spec=spec, test_s=test_s, secrets=secrets)


async def grade_tree(
    task: TaskSpec, agent: Tree, *, backend: SandboxBackend, spec: SandboxSpec, test_s: float,
    secrets: Secrets = NO_SECRETS,
) -> TestRun:  # fmt: skip
    """As `grade`, of a tree that is already known."""
    graded = await aside(EACH * len(agent), submission, task, agent)
    args = graded_args(task)
    began = time.monotonic()
    try:
        with anyio.fail_after(SET_UP_S + test_s):
            async with backend.open(spec) as opened:
                sandbox = CleanSandbox(opened, secrets)
                tree = await fill(sandbox, base_tree(task.files), graded.tree)
                killed = oom_kills()
                report = await sandbox.test(args, timeout_s=test_s, grading=grading(task))
                await _believe(sandbox, report, starved=oom_kills() > killed)
    except TimeoutError as error:
        raise SandboxError(f"grading did not end within {SET_UP_S + test_s:g} s") from error
    return to_test_run(
        report,
        purpose="grade",
        command=("python", "-m", "pytest", *args),
        expected=(*task.fail_to_pass, *task.pass_to_pass),
        tree=tree,
        tampering=graded.tampering + _lie(report),
        latency_s=time.monotonic() - began,
        redacted=sandbox.taken_out,
    )


async def _believe(sandbox: Sandbox, report: TestReport, *, starved: bool) -> None:
    """Raises SandboxError when what happened to the run is this host's doing and not that of the code."""
    with contextlib.suppress(Refused):
        # Asks for the folder itself: without it, tests fail that are right.
        await sandbox.list("", depth=1, max_entries=1)
    if starved and report.exit_status == -signal.SIGKILL:
        raise SandboxError("the host ran out of memory, and the kernel killed the graded tests")


def oom_kills() -> int:
    """How many processes the kernel has killed on this host for want of memory; 0 where it does not say."""
    try:
        found = re.search(r"^oom_kill (\d+)$", Path("/proc/vmstat").read_text(), re.MULTILINE)
    except OSError:
        return 0
    return int(found[1]) if found else 0


def _lie(report: TestReport) -> tuple[str, ...]:
    """What the run looked like from outside, if no honest run looks like that."""
    found = []
    if report.sentinel not in {"failed", "missing", None}:
        found.append(f"interference: the test that must fail was reported as {report.sentinel}")
    if report.sentinel == "missing" and report.exit_status == 0:
        found.append("ended: with status 0, before the test that must fail")
    if report.forged:
        found.append(f"forged: {report.forged} lines on the result channel that the reporter did not write")
    return tuple(found)
