"""`coding-agent resume`."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import attrs
import click

from coding_agent.cli import exits
from coding_agent.cli.fork import fork_jobs_of
from coding_agent.cli.output import err
from coding_agent.cli.running import Options, exit_of, jobs_of, open_backend, play, report
from coding_agent.cli.sandboxes import sandbox_option
from coding_agent.cli.verify import exit_of as exit_of_report
from coding_agent.rollout.resume import Plan, plan
from coding_agent.rollout.scheduler import Outcome
from coding_agent.store.index import recover_run
from coding_agent.store.rundir import RunDirectory


@click.command(epilog=exits.HELP)
@click.argument("directory", type=click.Path(exists=True, readable=False, file_okay=False, path_type=Path))
@click.option("--tasks", multiple=True, type=click.Path(exists=True, path_type=Path),
              help="Where the tasks are now, if they have moved. May be given again.")  # fmt: skip
@click.option("--concurrency", "-n", type=click.IntRange(1), help="Episodes at a time, instead of the run's own.")
@sandbox_option(help="Instead of the run's own.")
@click.option("--retries", type=click.IntRange(0), help="New attempts after an infrastructure failure.")
@click.option("--quiet", "-q", is_flag=True, help="No progress and no table.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def command(directory: Path, tasks: tuple[Path, ...], quiet: bool, as_json: bool, **changed: Any) -> int:
    """Go on with a run that was killed or stopped, with the tasks, policy and seeds that it began with.

    Finished episodes are kept. One without an end goes on in its own log: its files are rebuilt from the log, and
    only a call that has no answer is run again. A cancelled or infrastructure-failed one branches into a new
    attempt. A torn log is cut first and its original kept; a damaged one is refused, and the others go on.

    Example: coding-agent resume runs/my-run
    """
    run = RunDirectory.open(directory.resolve())
    options = Options.of(run)
    given = {name: value for name, value in changed.items() if value is not None}
    if tasks:
        given["tasks"] = tuple(str(place.resolve()) for place in tasks)
    options = attrs.evolve(options, **given)
    # What the run began with may name files relative to where it began.
    with contextlib.chdir(options.directory) if Path(options.directory).is_dir() else contextlib.nullcontext():
        cut = recover_run(run)
        left = plan(run, jobs_of(options) if options.fork is None else fork_jobs_of(options))
        left = attrs.evolve(left, recovered=(*cut.recovered, *left.recovered))
        _show(left)
        outcomes: list[Outcome] = []
        interrupted = False
        if left.jobs:
            backend = open_backend(options.sandbox, hide=(*options.tasks, run.path))
            outcomes, interrupted = play(left.jobs, backend=backend, run=run, options=options, quiet=quiet)
    refused = [attrs.asdict(each) for each in left.refused]
    kept = [str(path) for path in left.kept]
    report(outcomes, run, interrupted=interrupted, as_json=as_json, quiet=quiet, kept=kept, refused=refused)
    code = exit_of(outcomes, interrupted=interrupted)
    return exits.worst([code, *map(exit_of_report, left.refused)])


def _show(left: Plan) -> None:
    fresh = len(left.jobs) - left.going_on - left.again
    err.print(
        f"episodes: {len(left.kept)} finished and kept, {left.going_on} going on, {left.again} in a new attempt, "
        f"{fresh} not begun yet, {len(left.refused)} refused"
    )
    for done in left.recovered:
        if done.original is not None:
            cut = f"{done.cut_bytes} bytes cut, the original is {done.original}"
            err.print(f"torn: {done.report.file}: {cut}", markup=False)
    for report_ in left.refused:
        place = "" if (report_.problem or "").startswith(report_.file) else f"{report_.file}: "
        err.print(f"{report_.condition}: {place}{report_.problem}\n  next: {report_.advice.text}", markup=False)
