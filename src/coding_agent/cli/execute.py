"""`coding-agent replay --execute`: what it does and how it tells."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

import anyio
import attrs

from coding_agent.cli import exits
from coding_agent.cli.fork import find_task
from coding_agent.cli.logs import Loaded, load
from coding_agent.cli.output import out, print_json
from coding_agent.cli.running import open_backend
from coding_agent.errors import SandboxError, ungrouped
from coding_agent.events.values import JSON
from coding_agent.replay.execute import Difference, Execution, execute
from coding_agent.sandbox.base import SandboxBackend, SandboxSpec
from coding_agent.tasks.spec import TaskSpec

SHOWN = 400
"""Characters of a value that people are shown; `--json` has all."""


@attrs.frozen(kw_only=True)
class Result:
    """One log's execution, as `--json` prints it."""

    file: str
    outcome: str
    """reproduced, different or failed (the sandbox did)."""
    execution: Execution | None = None
    problem: str | None = None


def execute_logs(
    logs: Sequence[Path], *, tasks: str, sandbox: str, keep_going: bool, concurrency: int, as_json: bool
) -> int:
    """Execute each log again. Raises UsageError for a task that is not there or not the same, StoreError."""
    loaded = [load(path) for path in logs]
    found = [find_task((tasks,), each.header.task) for each in loaded]
    backend = open_backend(sandbox)
    with ungrouped():
        results = anyio.run(functools.partial(_all, loaded, found, backend, keep_going, concurrency))
    if as_json:
        print_json(results)
    else:
        for result in results:
            _show(result)
    return exits.OK if all(result.outcome == "reproduced" for result in results) else exits.DIFFERENT


async def _all(
    loaded: Sequence[Loaded], tasks: Sequence[TaskSpec], backend: SandboxBackend, keep_going: bool, concurrency: int
) -> list[Result]:
    places = anyio.CapacityLimiter(concurrency)
    results: dict[int, Result] = {}

    async def one(number: int) -> None:
        async with places:
            results[number] = await _one(loaded[number], tasks[number], backend, keep_going=keep_going)

    async with anyio.create_task_group() as group:
        for number in range(len(loaded)):
            group.start_soon(one, number)
    return [results[number] for number in range(len(loaded))]


async def _one(each: Loaded, task: TaskSpec, backend: SandboxBackend, *, keep_going: bool) -> Result:
    try:
        done = await execute(
            each.events, task, backend=backend, spec=SandboxSpec(), read_blob=each.read_blob, keep_going=keep_going
        )
    except SandboxError as error:
        return Result(file=str(each.path), outcome="failed", problem=f"{type(error).__name__}: {error}")
    return Result(file=str(each.path), outcome="different" if done.differences else "reproduced", execution=done)


def _show(result: Result) -> None:
    colour = "green" if result.outcome == "reproduced" else "red"
    out.print(f"[{colour}]{result.outcome:<12}[/] ", end="")
    done = result.execution
    if done is None:
        out.print(f"{result.file}  {result.problem}", markup=False)
        return
    what = f"{done.calls} calls" + (" and the grade" if done.graded else "")
    skipped = f", {done.skipped} without an answer left out" if done.skipped else ""
    ends = "" if done.complete else " until the first difference (--keep-going goes on)"
    out.print(f"{result.file}  {what}{skipped}{ends}", markup=False)
    for difference in done.differences:
        _show_difference(difference)


def _show_difference(found: Difference) -> None:
    of = "the grade" if found.call is None else f"call {found.call}, {found.tool}"
    out.print(f"  event {found.seq} ({of}) {found.path}", markup=False)
    out.print(f"    recorded  {_short(found.recorded)}", markup=False)
    out.print(f"    executed  {_short(found.executed)}", markup=False)


def _short(value: JSON) -> str:
    text = repr(value)
    return text if len(text) <= SHOWN else f"{text[: SHOWN // 2]} … {text[-SHOWN // 2 :]}"
