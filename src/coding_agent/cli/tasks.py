"""`coding-agent tasks list|validate`."""

from __future__ import annotations

import os
from collections.abc import Sequence

import anyio
import click
from rich.table import Table

from coding_agent.cli import exits
from coding_agent.cli.output import out, print_json
from coding_agent.cli.sandboxes import sandbox_option
from coding_agent.errors import UsageError, ungrouped
from coding_agent.evaluation.validity import Validity, validate_task
from coding_agent.sandbox.base import SandboxBackend
from coding_agent.sandbox.registry import make_backend
from coding_agent.tasks.load import find_tasks
from coding_agent.tasks.spec import TaskSpec


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

    An episode that applies an empty patch and submits is graded too: it must earn nothing.

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
            earned = "  ".join(f"{work} {_score(value)}" for work, value in result.earned.items())
            out.print("[red]unsound[/]" if result.problems else "[green]sound  [/]", f"{result.id:<20} {earned}")
            for problem in result.problems:
                out.print(f"         {problem}", markup=False)
    return exits.DIFFERENT if any(result.problems for result in results) else exits.OK


def _score(value: float | None) -> str:
    return "masked" if value is None else f"{value:g}"


async def _validate(tasks: Sequence[TaskSpec], backend: SandboxBackend) -> list[Validity]:
    found: dict[str, Validity] = {}
    places = anyio.CapacityLimiter(os.cpu_count() or 2)

    async def one(task: TaskSpec) -> None:
        async with places:
            found[task.id] = await validate_task(task, backend)

    async with anyio.create_task_group() as group:
        for task in tasks:
            group.start_soon(one, task)
    return [found[task.id] for task in tasks]
