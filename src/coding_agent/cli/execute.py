"""`coding-agent replay --execute`: what it does and how it tells."""

from __future__ import annotations

import functools
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any

import anyio
import attrs

from coding_agent.cli import exits
from coding_agent.cli.logs import load
from coding_agent.cli.output import on_one_line, out, print_json
from coding_agent.cli.running import open_backend
from coding_agent.errors import CodingAgentError, StoreError, UsageError, ungrouped
from coding_agent.events.values import JSON
from coding_agent.replay.execute import Difference, Execution, execute
from coding_agent.rollout.secrets import own_secrets
from coding_agent.sandbox.base import SandboxBackend, SandboxSpec
from coding_agent.store.advice import Advice
from coding_agent.store.reader import condition_of
from coding_agent.store.rundir import advice_about
from coding_agent.tasks.load import find_tasks
from coding_agent.tasks.spec import TaskSpec

CODES = {
    "reproduced": exits.OK,
    "different": exits.DIFFERENT,
    "failed": exits.DIFFERENT,
    "refused": exits.USAGE,
    "torn": exits.DAMAGED,
    "damaged": exits.DAMAGED,
    "unreadable": exits.REFUSED,
    "incompatible": exits.INCOMPATIBLE,
}
SHOWN = 400
"""Characters of a value that people are shown; `--json` has all."""


@attrs.frozen(kw_only=True)
class Result:
    """One log's execution, as `--json` prints it."""

    file: str
    outcome: str
    """reproduced, different, failed (the sandbox did, or the log is no episode) or refused (its task is not there);
    or, as `verify` calls it, torn, damaged, unreadable or incompatible."""
    execution: Execution | None = None
    problem: str | None = None
    next: Advice | None = None
    """What to do about a log that is not intact."""


def execute_logs(
    logs: Sequence[Path], *, tasks: str, sandbox: str, keep_going: bool, concurrency: int, as_json: bool
) -> int:
    """Execute each log again; what is wrong with one stops no other. Raises UsageError where there are no tasks,
    TaskError, SandboxUnavailable."""
    found = {task.id: task for task in find_tasks((tasks,))}
    backend = open_backend(sandbox, hide=(tasks, *logs))

    async def one(path: Path) -> Result:
        return own_secrets().scrub(await _one(path, found, tasks, backend, keep_going=keep_going))[0]

    with ungrouped():
        results = anyio.run(functools.partial(_all, logs, one, concurrency))
    if as_json:
        print_json(results)
    else:
        for result in results:
            _show(result)
    return exits.worst(CODES[result.outcome] for result in results)


async def _all(
    logs: Sequence[Path], one: Callable[[Path], Coroutine[Any, Any, Result]], concurrency: int
) -> list[Result]:
    places = anyio.CapacityLimiter(concurrency)
    results: dict[int, Result] = {}

    async def placed(number: int, log: Path) -> None:
        async with places:
            results[number] = await one(log)

    async with anyio.create_task_group() as group:
        for number, log in enumerate(logs):
            group.start_soon(placed, number, log)
    return [results[number] for number in range(len(logs))]


async def _one(
    log: Path, tasks: Mapping[str, TaskSpec], where: str, backend: SandboxBackend, *, keep_going: bool
) -> Result:
    try:
        with ungrouped():
            each = load(log)
            if (task := tasks.get(each.header.task)) is None:
                raise UsageError(
                    f"the log is of the task {each.header.task}, which is not in {where}; say where it is (--tasks)"
                )
            done = await execute(
                each.events, task, backend=backend, spec=SandboxSpec(), read_blob=each.read_blob, keep_going=keep_going
            )
    except StoreError as error:
        return Result(file=str(log), outcome=condition_of(error), problem=str(error), next=advice_about(error))
    except CodingAgentError as error:
        outcome = "refused" if isinstance(error, UsageError) else "failed"
        return Result(file=str(log), outcome=outcome, problem=f"{type(error).__name__}: {error}")
    return Result(file=str(log), outcome="different" if done.differences else "reproduced", execution=done)


def _show(result: Result) -> None:
    colour = "green" if result.outcome == "reproduced" else "red"
    out.print(f"[{colour}]{result.outcome:<12}[/] ", end="")
    done = result.execution
    if done is None:
        out.print(on_one_line(f"{result.file}  {result.problem}"), markup=False)
        if result.next is not None:
            out.print(f"  next: {result.next.text}", markup=False)
        return
    what = f"{done.calls} calls" + (" and the grade" if done.graded else "")
    skipped = f", {done.skipped} without an answer left out" if done.skipped else ""
    ends = "" if done.complete else " until the first difference (--keep-going goes on)"
    out.print(on_one_line(f"{result.file}  {what}{skipped}{ends}"), markup=False)
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
