"""`coding-agent rollout`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import click

from coding_agent.cli import exits
from coding_agent.cli.running import Options, default_directory, exit_of, jobs_of, open_backend, play, report
from coding_agent.cli.sandboxes import sandbox_option
from coding_agent.store.rundir import RunDirectory


@click.command(epilog=exits.HELP)
@click.argument("tasks", nargs=-1, required=True, type=click.Path(exists=True))
@click.option("--policy", default="repair", show_default=True, metavar="SPEC",
              help="repair, gold, scripted:FILE, recorded:LOG or openai:MODEL@BASE_URL, with options as in "
                   "openai:MODEL@BASE_URL?temperature=0.7&max_tokens=2048&seed=turn.")  # fmt: skip
@click.option("--n-samples", "-k", default=1, show_default=True, type=click.IntRange(1, 1_000_000),
              help="Episodes per task.")  # fmt: skip
@click.option("--concurrency", "-n", default=os.cpu_count() or 2, type=click.IntRange(1),
              help="Episodes at a time; by default one per core.")  # fmt: skip
@click.option("--seed", default=0, show_default=True, help="Decides every episode's own seed.")
@click.option("--max-turns", type=click.IntRange(1, 1_000_000), help="Instead of each task's own limit.")
@sandbox_option(default="bubblewrap", show_default=True)
@click.option("--out", "directory", type=click.Path(path_type=Path), help="Run directory (default: runs/<time>).")
@click.option("--durability", type=click.Choice(["event", "group", "none"]), default="group", show_default=True,
              help="What an acknowledged event survives: power loss, kill -9, or neither for sure.")  # fmt: skip
@click.option("--retries", default=1, show_default=True, type=click.IntRange(0),
              help="New attempts after an infrastructure failure.")  # fmt: skip
@click.option("--quiet", "-q", is_flag=True, help="No progress and no table.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def command(directory: Path | None, quiet: bool, as_json: bool, **options: Any) -> int:
    """Roll out tasks with a policy. TASKS are task folders, or folders of them; each episode becomes a log.

    An episode whose tests fail is a result: exit 0. One that infrastructure or policy kept from its end exits with 1.
    Ctrl-C ends the run: every log is completed as cancelled, nothing is left running. `coding-agent resume` goes on.

    Example: coding-agent rollout tasks --policy repair --n-samples 2
    """
    chosen = Options(**options)
    jobs = jobs_of(chosen)
    directory = directory or default_directory()
    backend = open_backend(chosen.sandbox, hide=(*chosen.tasks, directory))
    run = RunDirectory.create(directory, chosen.configuration())
    outcomes, interrupted = play(jobs, backend=backend, run=run, options=chosen, quiet=quiet)
    report(outcomes, run, interrupted=interrupted, as_json=as_json, quiet=quiet)
    return exit_of(outcomes, interrupted=interrupted)
