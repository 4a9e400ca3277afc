"""`coding-agent recover`."""

from __future__ import annotations

from pathlib import Path

import click

from coding_agent.cli import exits
from coding_agent.cli.output import out, print_json
from coding_agent.cli.verify import exit_of, show
from coding_agent.errors import UsageError
from coding_agent.store.disk import REAL_DISK, not_read
from coding_agent.store.index import RunRecovery, recover_run
from coding_agent.store.recover import Recovery, recover
from coding_agent.store.rundir import RunDirectory

BEGINS = b'{"seq":0,"type":'


@click.command(epilog=exits.HELP)
@click.argument("path", type=click.Path(exists=True, readable=False, path_type=Path))
@click.option("--rebuild", is_flag=True, help="Write a run's manifest anew from its logs; the original is kept.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def command(path: Path, rebuild: bool, as_json: bool) -> int:
    """Cut the torn tail of a log and keep the original beside it. Damage is refused, never touched.

    Of a run directory: every log, then the manifest, an index that is put right from the logs.

    Example: coding-agent recover runs/my-run/episodes/wallet/0.0.jsonl
    """
    if path.is_dir():
        return _run(path, rebuild=rebuild, as_json=as_json)
    if rebuild:
        raise UsageError("--rebuild is for the manifest of a run directory; name the directory")
    if path.name == "manifest.jsonl":
        raise UsageError(f"{path} is a manifest, which is put right from the logs: coding-agent recover {path.parent}")
    _is_a_log(path)
    done = recover(path)
    if as_json:
        print_json(done)
    else:
        _show(path, done)
    return exits.OK


def _is_a_log(path: Path) -> None:
    # Of another file everything would be a torn tail. Zeros are what a power cut leaves of one that was never written.
    try:
        with REAL_DISK.read(path) as stream:
            start = stream.read(len(BEGINS)).rstrip(b"\0")
    except OSError as error:
        raise not_read(path, error) from error
    if not BEGINS.startswith(start):
        raise UsageError(f"{path} does not begin as a log does, with {BEGINS.decode()}; nothing was changed")


def _run(path: Path, *, rebuild: bool, as_json: bool) -> int:
    done = recover_run(RunDirectory.open(path), rebuild=rebuild)
    if as_json:
        print_json(done)
        return _exit_of_run(done)
    for each in done.recovered:
        _show(Path(each.report.file), each)
    if done.manifest is not None:
        out.print(f"{path / 'manifest.jsonl'}: put right; the original is {done.manifest}", markup=False)
    for name in done.added:
        out.print(f"{name}: sealed, and now in the manifest", markup=False)
    for report in done.refused:
        show(report)
    if not (done.recovered or done.manifest or done.added or done.refused):
        out.print(f"{path}: nothing to recover", markup=False)
    return _exit_of_run(done)


def _exit_of_run(done: RunRecovery) -> int:
    return exits.worst(map(exit_of, done.refused))


def _show(log: Path, done: Recovery) -> None:
    if done.original is None:
        out.print(f"{log}: nothing to recover, it is {done.report.condition}", markup=False)
        if done.report.condition == "torn":
            out.print(f"  next: {done.report.advice.text}", markup=False)
        return
    kept = f"{done.report.events} events kept, {done.cut_bytes} bytes cut"
    out.print(f"{log}: {kept}; the original is {done.original}", markup=False)
