"""`coding-agent verify`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import attrs
import click

from coding_agent.cli import exits
from coding_agent.cli.logs import refuse_manifest
from coding_agent.cli.output import on_one_line, out, print_json
from coding_agent.errors import StoreUnreadable, UsageError
from coding_agent.store.known import Manifests
from coding_agent.store.listing import logs_below
from coding_agent.store.reader import LogReport
from coding_agent.store.rundir import RunDirectory, manifest_problem, problem_of, verify_logs

COLOURS = {"sealed": "green", "incomplete": "yellow"}


@click.command(epilog=exits.HELP)
@click.argument("paths", nargs=-1, required=True, type=click.Path(readable=False, path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def command(paths: tuple[Path, ...], as_json: bool) -> int:
    """Check every byte of logs and of the blobs that they name, and what the manifest of their run says.

    Says per log: sealed, incomplete, torn, damaged, incompatible, unreadable or missing; where; and what to do.

    Example: coding-agent verify runs/my-run
    """
    manifests = Manifests()
    reports = []
    for report in (report for path in paths for report in reports_of(path, manifests)):
        reports.append(report)
        if not as_json:
            show(report)
    if as_json:
        print_json([{**attrs.asdict(report), "next": report.advice} for report in reports])
    return exits.worst(map(exit_of, reports))


def reports_of(path: Path, manifests: Manifests) -> Iterator[LogReport]:
    """The reports of a log, a run directory, or a folder of logs. Raises UsageError for what is none of them.

    A log that is not there is reported as missing when its run's manifest names it, below a folder too.
    """
    refuse_manifest(path)
    if path.is_dir() and ((path / "run.toml").exists() or (path / "manifest.jsonl").exists()):
        yield from RunDirectory(path).verify()
        return
    below = () if path.is_file() else tuple(manifests.below(path))
    if not (path.exists() or below) and manifests.about(path)[1] is None:
        raise UsageError(f"{path} does not exist")
    unlisted: list[StoreUnreadable] = []
    found = logs_below(path, refused=unlisted.append) if path.is_dir() else () if below else (path,)
    logs = {*found, *(log for _, log in below)}
    if not (logs or unlisted):
        raise UsageError(f"{path}: there is no log (*.jsonl) in it")
    yield from (problem_of("folder", error, None) for error in unlisted)
    for index in {index.path: index for index, _ in below}.values():
        yield from manifest_problem(index, manifests)
    yield from verify_logs(sorted(logs), manifests=manifests)


def exit_of(report: LogReport) -> int:
    if report.condition in {"incompatible", "unreadable"}:
        return exits.INCOMPATIBLE if report.condition == "incompatible" else exits.REFUSED
    return exits.DAMAGED if report.condition in {"torn", "damaged", "missing"} else exits.OK


def show(report: LogReport) -> None:
    """One log's report for people."""
    out.print(f"[{COLOURS.get(report.condition, 'red')}]{report.condition:<12}[/] ", end="")
    if report.kind != "log":
        _line(f"{report.kind} {report.file}")
        _line(f"  {report.problem}")
        _line(f"  next: {report.advice.text}")
        return
    digest = f"{report.events} events  head {report.head[:12]}  digest {report.semantic_digest[:12]}"
    blobs = f"  {_blobs(report.blobs)}" if report.blobs else ""
    _line(f"{report.file}  {digest}{blobs}")
    if report.blobs_unchecked:
        why = "not checked: there is no folder blobs/ beside the log"
        _line(f"  {_blobs(report.blobs_unchecked)} {why}")
    if report.condition != "sealed":
        _line(f"  {report.problem or 'no Done'}")
        _line(f"  next: {report.advice.text}")


def _line(text: str) -> None:
    out.print(on_one_line(text), markup=False)


def _blobs(count: int) -> str:
    return f"{count} blob{'' if count == 1 else 's'}"
