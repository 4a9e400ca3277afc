"""`coding-agent rollout`."""

from __future__ import annotations

import datetime as dt
import functools
import os
import shutil
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import anyio
import anyio.abc
import attrs
import click

from coding_agent.cli import exits
from coding_agent.cli.output import err, out, print_json
from coding_agent.cli.policies import policy_factory
from coding_agent.cli.progress import Watch, outcome_table
from coding_agent.rollout.scheduler import Job, Outcome, Scheduler, episode_seed
from coding_agent.rollout.start import start_episode, task_limits
from coding_agent.rollout.world import Lanes, World
from coding_agent.sandbox.base import SandboxBackend, SandboxSpec
from coding_agent.sandbox.registry import KINDS, make_backend
from coding_agent.store.rundir import RunDirectory
from coding_agent.tasks.load import find_tasks

FAILED = frozenset({"infra_error", "policy_error", "unfinished"})


@attrs.frozen(kw_only=True)
class Options:
    """What `run.toml` records."""

    tasks: tuple[str, ...]
    policy: str
    n_samples: int
    concurrency: int
    seed: int
    max_turns: int | None
    sandbox: str
    durability: Any
    retries: int


@click.command(epilog=exits.HELP)
@click.argument("tasks", nargs=-1, required=True, type=click.Path(exists=True))
@click.option("--policy", default="repair", show_default=True, metavar="SPEC",
              help="repair, gold, scripted:FILE, recorded:LOG or openai:MODEL@BASE_URL.")  # fmt: skip
@click.option("--n-samples", "-k", default=1, show_default=True, type=click.IntRange(1), help="Episodes per task.")
@click.option("--concurrency", "-n", default=os.cpu_count() or 2, type=click.IntRange(1),
              help="Episodes at a time; by default one per core.")  # fmt: skip
@click.option("--seed", default=0, show_default=True, help="Decides every episode's own seed.")
@click.option("--max-turns", type=click.IntRange(1), help="Instead of each task's own limit.")
@click.option("--sandbox", type=click.Choice(KINDS), default="bubblewrap", show_default=True)
@click.option("--out", "directory", type=click.Path(path_type=Path), help="Run directory (default: runs/<time>).")
@click.option("--durability", type=click.Choice(["event", "group", "none"]), default="group", show_default=True,
              help="What an acknowledged event survives: power loss, kill -9, or neither for sure.")  # fmt: skip
@click.option("--retries", default=1, show_default=True, type=click.IntRange(0),
              help="New attempts after an infrastructure failure.")  # fmt: skip
@click.option("--quiet", "-q", is_flag=True, help="No progress and no table.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def command(directory: Path | None, quiet: bool, as_json: bool, **options: Any) -> int:
    """Roll out tasks with a policy. TASKS are task folders, or folders of them; each episode becomes a log.

    Ctrl-C ends the run: every log is completed as cancelled, nothing is left running.

    Example: coding-agent rollout tasks --policy repair --n-samples 2
    """
    chosen = Options(**options)
    tasks = find_tasks(chosen.tasks)
    backend = make_backend(chosen.sandbox)
    if chosen.sandbox == "local":
        err.print("[yellow]warning:[/] --sandbox local isolates nothing; run only tasks and policies that you trust")
    build = policy_factory(chosen.policy)
    jobs = [
        Job(
            task=task,
            policy=build(task),
            sample=sample,
            limits=task_limits(task, max_turns=chosen.max_turns),
            seed=episode_seed(chosen.seed, task.id, sample),
        )
        for task in tasks
        for sample in range(chosen.n_samples)
    ]
    anyio.run(_check_sandbox, backend)
    run = RunDirectory.create(directory or _default_directory(), _configuration(chosen))
    watch = Watch(len(jobs), quiet=quiet)
    with watch:
        outcomes, interrupted = anyio.run(functools.partial(_roll_out, jobs, backend, run, chosen, watch))
    _report(outcomes, run, as_json=as_json, quiet=quiet)
    if interrupted:
        return exits.INTERRUPTED
    return exits.DIFFERENT if any(outcome.reason in FAILED for outcome in outcomes) else exits.OK


async def _roll_out(
    jobs: Sequence[Job], backend: SandboxBackend, run: RunDirectory, options: Options, watch: Watch
) -> tuple[list[Outcome], bool]:
    places = options.concurrency
    world = World(
        backend=backend,
        spec=SandboxSpec(),
        run=run,
        lanes=Lanes.of(models=places, sandboxes=places, graders=places),
        durability=options.durability,
        observer=watch.observe,
    )
    scheduler = Scheduler(
        world=world,
        start=functools.partial(start_episode, backend=backend),
        concurrency=places,
        retries=options.retries,
        on_outcome=watch.finished,
    )
    manifest = run.manifest()
    interrupted = False
    try:
        async with anyio.create_task_group() as group:
            with anyio.CancelScope() as scope:
                await group.start(_watch_signals, scope)
                await scheduler.run(jobs, manifest)
            interrupted = scope.cancelled_caught
            group.cancel_scope.cancel()
    finally:
        manifest.close()
    return sorted(scheduler.outcomes, key=lambda outcome: (outcome.task, outcome.sample)), interrupted


async def _watch_signals(scope: anyio.CancelScope, *, task_status: anyio.abc.TaskStatus[None]) -> None:
    with anyio.open_signal_receiver(signal.SIGINT, signal.SIGTERM) as signals:
        task_status.started()
        async for number in signals:
            err.print(f"[yellow]{signal.Signals(number).name}: completing the logs[/]")
            scope.cancel()


async def _check_sandbox(backend: SandboxBackend) -> None:
    async with backend.open(SandboxSpec()):
        pass


def _configuration(options: Options) -> dict[str, Any]:
    return {name: value for name, value in attrs.asdict(options).items() if value is not None}


def _default_directory() -> Path:
    now = dt.datetime.now(dt.UTC).strftime("%Y%m%d-%H%M%S")
    return Path("runs") / f"{now}-{os.getpid()}"


def _report(outcomes: list[Outcome], run: RunDirectory, *, as_json: bool, quiet: bool) -> None:
    passed = sum(outcome.passed is True for outcome in outcomes)
    if as_json:
        print_json({"run": str(run.path), "episodes": outcomes, "passed": passed})
        return
    if quiet:
        return
    out.print(outcome_table(outcomes))
    out.print(f"\n{passed} of {len(outcomes)} episodes passed. The run is in {run.path}\n", markup=False)
    if outcomes:
        log = next((o.path for o in outcomes if o.passed), outcomes[0].path)
        program = "coding-agent" if shutil.which("coding-agent") else sys.argv[0]
        out.print("Next:", markup=False)
        for line in (f"show {log}", f"replay {log}", f"stats {run.path}"):
            out.print(f"  {program} {line}", markup=False)
