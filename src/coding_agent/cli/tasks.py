"""`coding-agent tasks list|validate`."""

from __future__ import annotations

import functools
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path

import anyio
import attrs
import click
from rich.table import Table

from coding_agent.cli import exits
from coding_agent.cli.output import out, print_json
from coding_agent.cli.sandboxes import sandbox_option
from coding_agent.errors import UsageError, ungrouped
from coding_agent.events.schema import TestRun
from coding_agent.events.verdict import passed
from coding_agent.policies.gold import GoldPolicy
from coding_agent.rollout.grade import grade_tree
from coding_agent.rollout.scheduler import Job, Scheduler
from coding_agent.rollout.start import start_episode, task_limits
from coding_agent.rollout.workspace import base_tree
from coding_agent.rollout.world import Lanes, World
from coding_agent.sandbox.base import SandboxBackend, SandboxSpec
from coding_agent.sandbox.registry import make_backend
from coding_agent.store.rundir import RunDirectory
from coding_agent.tasks.load import find_tasks
from coding_agent.tasks.spec import TaskSpec

TRIES = 3


@attrs.frozen(kw_only=True)
class Validity:
    """What validation found. `problems` empty: the task is sound."""

    id: str
    problems: tuple[str, ...]


@click.group(epilog=exits.HELP)
def command() -> None:
    """List tasks, or prove that they are sound."""


@command.command("list", epilog=exits.HELP)
@click.argument("folders", nargs=-1, type=click.Path(exists=True))
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def list_tasks(folders: tuple[str, ...], as_json: bool) -> int:
    """The tasks in FOLDERS (default: tasks).

    Example: coding-agent tasks list tasks
    """
    tasks = find_tasks(folders or ("tasks",))
    if as_json:
        fields = ("id", "title", "difficulty", "kind", "tags", "licence", "fail_to_pass", "pass_to_pass", "digest")
        print_json([{name: getattr(task, name) for name in fields} for task in tasks])
        return exits.OK
    table = Table(box=None)
    for column in ("id", "difficulty", "kind", "tests", "title"):
        table.add_column(column)
    for task in tasks:
        tests = f"{len(task.fail_to_pass)}+{len(task.pass_to_pass)}"
        table.add_row(task.id, "★" * task.difficulty, task.kind, tests, task.title)
    out.print(table)
    return exits.OK


@command.command(epilog=exits.HELP)
@click.argument("ids", nargs=-1, metavar="[ID…]")
@click.option("--tasks", "folder", default="tasks", show_default=True, type=click.Path(exists=True))
@sandbox_option(default="bubblewrap", show_default=True)
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def validate(ids: tuple[str, ...], folder: str, sandbox: str, as_json: bool) -> int:
    """Grade each task untouched and with its gold patch, three times each, and compare with what it declares.

    Example: coding-agent tasks validate
    """
    tasks = find_tasks((folder,))
    unknown = sorted(set(ids) - {task.id for task in tasks})
    if unknown:
        known = ", ".join(task.id for task in tasks)
        raise UsageError(f"no task {', '.join(unknown)} in {folder}; there are: {known}")
    chosen = [task for task in tasks if not ids or task.id in ids]
    with ungrouped():
        results = anyio.run(_validate, chosen, make_backend(sandbox))
    if as_json:
        print_json(results)
    else:
        for result in results:
            out.print("[red]unsound[/]" if result.problems else "[green]sound  [/]", result.id)
            for problem in result.problems:
                out.print(f"         {problem}", markup=False)
    return exits.DIFFERENT if any(result.problems for result in results) else exits.OK


async def _validate(tasks: Sequence[TaskSpec], backend: SandboxBackend) -> list[Validity]:
    found: dict[str, Validity] = {}
    places = anyio.CapacityLimiter(os.cpu_count() or 2)

    async def one(task: TaskSpec) -> None:
        async with places:
            found[task.id] = Validity(id=task.id, problems=tuple(await problems(task, backend)))

    async with anyio.create_task_group() as group:
        for task in tasks:
            group.start_soon(one, task)
    return [found[task.id] for task in tasks]


async def problems(task: TaskSpec, backend: SandboxBackend) -> list[str]:
    """What is wrong with the task, measured. Raises SandboxError."""
    found = []
    spec, test_s = SandboxSpec(), task.limits.test_s
    untouched = [
        await grade_tree(task, base_tree(task.files), backend=backend, spec=spec, test_s=test_s) for _ in range(TRIES)
    ]
    found += _unsteady("untouched", untouched)
    outcomes = untouched[0].outcomes
    found += [f"untouched: {test} must fail, it passed" for test in task.fail_to_pass if outcomes.get(test) == "passed"]
    found += [
        f"untouched: {test} must pass, it was {outcomes.get(test, 'not run')}"
        for test in task.pass_to_pass
        if outcomes.get(test) != "passed"
    ]
    solved = await _gold_grades(task, backend)
    found += _unsteady("gold", solved)
    if len(solved) < TRIES:
        found.append("gold: the gold patch could not be applied through `apply_patch`, or grading failed")
    for run in solved[:1]:
        missing = [test for test in run.expected if run.outcomes.get(test) != "passed"]
        found += [f"gold: {test} must pass, it was {run.outcomes.get(test, 'not run')}" for test in missing]
        found += [f"gold: {what}" for what in run.tampering]
        if not missing and not passed(run):
            found.append(f"gold: the run did not come to its own end (exit status {run.exit_status})")
    return found


def _unsteady(name: str, runs: Sequence[TestRun]) -> list[str]:
    same = all(run.outcomes == runs[0].outcomes and run.tree == runs[0].tree for run in runs)
    return [] if same else [f"{name}: {len(runs)} runs did not come out the same"]


async def _gold_grades(task: TaskSpec, backend: SandboxBackend) -> list[TestRun]:
    with tempfile.TemporaryDirectory(prefix="coding-agent-validate-") as folder:
        run = RunDirectory.create(Path(folder), {})
        lanes = Lanes.of(models=1, sandboxes=1, graders=1)
        grades: list[TestRun] = []
        world = World(
            backend=backend, spec=SandboxSpec(), run=run, lanes=lanes, durability="none",
            observer=lambda _episode, _stage, event: grades.append(event)
            if isinstance(event, TestRun) and event.purpose == "grade"
            else None,
        )  # fmt: skip
        policy = GoldPolicy(task.gold_patch)
        jobs = [Job(task=task, policy=policy, sample=n, limits=task_limits(task), seed=0) for n in range(TRIES)]
        manifest = run.manifest()
        try:
            start = functools.partial(start_episode, backend=backend)
            outcomes = await Scheduler(world=world, start=start, concurrency=1).run(jobs, manifest)
        finally:
            manifest.close()
        return grades if all(outcome.reason == "submitted" for outcome in outcomes) else []
