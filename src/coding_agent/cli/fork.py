"""`coding-agent fork`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from coding_agent.cli import exits
from coding_agent.cli.logs import load
from coding_agent.cli.policies import policy_factory
from coding_agent.cli.running import Fork, Options, default_directory, exit_of, open_backend, play, report
from coding_agent.cli.sandboxes import sandbox_option
from coding_agent.errors import UsageError
from coding_agent.events.text import unescape
from coding_agent.replay.fork import fork_jobs
from coding_agent.rollout.scheduler import Job
from coding_agent.store.rundir import RunDirectory
from coding_agent.tasks.load import find_tasks
from coding_agent.tasks.spec import TaskSpec


@click.command(epilog=exits.HELP)
@click.argument("log", type=click.Path(exists=True, dir_okay=False, readable=False, path_type=Path))
@click.option("--at", required=True, type=click.IntRange(0), help="The last event that is kept, by its seq.")
@click.option("--policy", metavar="SPEC", help="Who goes on; by default whoever played until there.")
@click.option("--n-samples", "-k", default=1, show_default=True, type=click.IntRange(1, 1_000_000),
              help="How many branches; the first has the parent's seed, the others one of their own.")  # fmt: skip
@click.option("--max-turns", type=click.IntRange(1, 1_000_000),
              help="Instead of the parent's limit; turns before the fork count.")  # fmt: skip
@click.option("--tasks", default="tasks", show_default=True, type=click.Path(exists=True),
              help="Where the task is: a task folder, or a folder of them.")  # fmt: skip
@click.option("--concurrency", "-n", default=os.cpu_count() or 2, type=click.IntRange(1), help="Episodes at a time.")
@sandbox_option(default="bubblewrap", show_default=True)
@click.option("--out", "directory", type=click.Path(path_type=Path), help="Run directory (default: runs/<time>).")
@click.option("--quiet", "-q", is_flag=True, help="No progress and no table.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def command(log: Path, at: int, directory: Path | None, quiet: bool, as_json: bool, **given: Any) -> int:
    """Go elsewhere from an event of a recorded episode: the same files and conversation, another policy.

    Nothing is executed to get there: the log holds every change to the files. Each new log is complete in itself
    and names the episode, event and chain that it left. `coding-agent show` prints the seq of each event.

    Example: coding-agent fork replays/ep123.jsonl --at 4 --policy repair --n-samples 2
    """
    header = load(log).header
    options = Options(
        tasks=(given.pop("tasks"),),
        policy=given.pop("policy") or unescape(header.policy),
        seed=header.seed,
        durability="group",
        retries=1,
        fork=Fork(log=str(log), at=at),
        **given,
    )
    jobs = fork_jobs_of(options)
    directory = directory or default_directory()
    backend = open_backend(options.sandbox, hide=(*options.tasks, directory, log))
    run = RunDirectory.create(directory, options.configuration())
    outcomes, interrupted = play(jobs, backend=backend, run=run, options=options, quiet=quiet)
    report(outcomes, run, interrupted=interrupted, as_json=as_json, quiet=quiet)
    return exit_of(outcomes, interrupted=interrupted)


def fork_jobs_of(options: Options) -> list[Job]:
    """The branches that these options ask for. Raises UsageError, StoreError."""
    assert options.fork is not None
    log = Path(options.fork.log)
    return fork_jobs(
        log,
        options.fork.at,
        task=find_task(options.tasks, load(log).header.task),
        build=policy_factory(options.policy),
        n_samples=options.n_samples,
        max_turns=options.max_turns,
    )


def find_task(places: tuple[str, ...], wanted: str) -> TaskSpec:
    """The task of that id. Raises UsageError when it is not in any of the places."""
    for task in find_tasks(places):
        if task.id == wanted:
            return task
    raise UsageError(f"the log is of the task {wanted}, which is not in {', '.join(places)}; say where it is (--tasks)")
