"""`coding-agent audit`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

import attrs
import click
from rich.table import Table

from coding_agent.cli import exits
from coding_agent.cli.logs import Loaded, left_out, load, log_files
from coding_agent.cli.output import out, print_json, users_code
from coding_agent.errors import StoreError, UsageError
from coding_agent.evaluation.user_file import load_function
from coding_agent.events.schema import Event
from coding_agent.projections.audit import PATTERNS, SEVERITIES, Audit, Finding, Severity, audit
from coding_agent.projections.reward import reward

Detector = Callable[[Sequence[Event]], Iterable[Finding]]
COLOURS = {"note": "dim", "suspect": "yellow", "cheat": "red"}


@attrs.frozen(kw_only=True)
class Audited:
    """One log's audit, as `--json` prints it."""

    file: str
    task: str
    sample: int
    attempt: int
    reward: float | None
    """As the default reward makes it of the log; the audit does not change it. None: masked."""
    marked: bool
    """It has findings of at least the severity that was asked for, still there at the end."""
    findings: tuple[Finding, ...]


@click.command(epilog=exits.HELP)
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, readable=False, path_type=Path))
@click.option("--least", type=click.Choice(SEVERITIES), default="suspect", show_default=True,
              help="The severity from which a finding marks its log.")  # fmt: skip
@click.option("--detector", "source", metavar="FILE[:FN]",
              help="A Python file with a further pattern: a function of the events (default `detector`) that gives "
              "Findings.")  # fmt: skip
@click.option("--all", "every", is_flag=True, help="Also show what marks nothing.")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def command(paths: tuple[Path, ...], least: Severity, source: str | None, every: bool, as_json: bool) -> int:
    """Look for cheat patterns in logs or run directories, old ones included, and name the rewards they touch.

    Nothing is run and no reward is changed: a finding is a reason to look, by event, and to mask or to score anew.
    Exits with 1 when a log is marked.

    Example: coding-agent audit replays/ep123.jsonl replays/tampering.jsonl
    """
    warnings: list[StoreError] = []
    found: list[Audited] = []
    with users_code():
        detector: Detector | None = None if source is None else load_function("--detector", source, "detector")
        for file in (file for path in paths for file in log_files(path)):
            try:
                found.append(_audited(load(file), least, detector))
            except StoreError as error:
                warnings.append(error)
    if as_json:
        print_json({"logs": found, **_summary(found), "unreadable": [str(warning) for warning in warnings]})
    else:
        _show(found, least, every=every)
    code = left_out(warnings)
    return exits.DIFFERENT if code == exits.OK and any(each.marked for each in found) else code


def _audited(loaded: Loaded, least: Severity, detector: Detector | None) -> Audited:
    result = audit(loaded.events, loaded.read_blob)
    if detector is not None:
        result = Audit(findings=(*result.findings, *_more(detector, loaded)))
    header = loaded.header
    return Audited(
        file=str(loaded.path),
        task=header.task,
        sample=header.sample,
        attempt=header.attempt,
        reward=reward(loaded.events, loaded.read_blob).value,
        marked=bool(result.marked(least)),
        findings=result.findings,
    )


def _more(detector: Detector, loaded: Loaded) -> list[Finding]:
    try:
        found: list[Any] = [*detector(loaded.events)]
    except Exception as error:
        raise UsageError(f"the detector raised {type(error).__name__} on {loaded.path}: {error}") from error
    for each in found:
        if not isinstance(each, Finding) or each.severity not in SEVERITIES:
            raise UsageError(
                f"the detector gave {each!r} on {loaded.path}; expected coding_agent.projections.audit.Finding"
            )
    return found


def _summary(found: Sequence[Audited]) -> dict[str, Any]:
    counts = Counter(finding.code for each in found for finding in each.findings)
    logs = Counter(code for each in found for code in {finding.code for finding in each.findings})
    affected = [each for each in found if each.marked and each.reward]
    return {
        "patterns": [
            {"code": code, "severity": _severity(code, found), "findings": counts[code], "logs": logs[code],
             "meaning": PATTERNS[code].meaning if code in PATTERNS else "found by --detector"}
            for code in sorted(counts)
        ],
        "marked": sum(each.marked for each in found),
        "affected": {
            "files": [each.file for each in affected],
            "rewards": sum(each.reward or 0.0 for each in affected),
        },
    }  # fmt: skip


def _severity(code: str, found: Sequence[Audited]) -> str:
    return next(finding.severity for each in found for finding in each.findings if finding.code == code)


def _show(found: Sequence[Audited], least: Severity, *, every: bool) -> None:
    for each in found:
        shown = each.findings if every else Audit(findings=each.findings).marked(least)
        if not shown:
            continue
        worth = "masked" if each.reward is None else f"{each.reward:g}"
        out.print("[red]marked[/]" if each.marked else "[green]      [/]", end=" ")
        out.print(f"{each.file}  reward {worth}", markup=False)
        for finding in shown:
            out.print(f"  [{COLOURS[finding.severity]}]{finding.severity:<8}[/]", end="")
            taken_back = "" if finding.kept else "  (taken back)"
            text = f"{finding.code:<19} event {finding.seq:<4} {finding.where}: {finding.evidence}{taken_back}"
            out.print(text, markup=False)
    summary = _summary(found)
    if summary["patterns"] and (every or summary["marked"]):
        table = Table(box=None)
        for column in ("code", "severity", "findings", "logs", "what it is"):
            table.add_column(column)
        for row in summary["patterns"]:
            table.add_row(row["code"], row["severity"], str(row["findings"]), str(row["logs"]), row["meaning"])
        out.print(table)
    affected = summary["affected"]
    out.print(
        f"{len(found)} logs, {summary['marked']} marked; "
        f"{len(affected['files'])} of them with a reward, {affected['rewards']:g} in all, left as it is"
    )
