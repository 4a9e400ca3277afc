"""The report of many replays: one value for `--json`, and the same facts for people, grouped by cause."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from coding_agent.cli.output import on_one_line, out
from coding_agent.replay.report import Result, details, further, headline, plural

NAMED = 3
"""Logs of one cause that are named."""


@attrs.frozen(kw_only=True)
class Cause:
    """One thing that is different, and where it shows."""

    kind: str
    derived_by: str | None
    files: tuple[str, ...]


@attrs.frozen(kw_only=True)
class Summary:
    """All logs together."""

    outcomes: dict[str, int]
    causes: tuple[Cause, ...]
    """Most logs first."""


def summary_of(results: Sequence[Result]) -> Summary:
    """How many logs came out how, and the first cause of each that diverged."""
    outcomes: dict[str, int] = {}
    causes: dict[tuple[str, str | None, str | None], list[str]] = {}
    for result in results:
        outcomes[result.outcome] = outcomes.get(result.outcome, 0) + 1
        if result.cause is not None:
            causes.setdefault(result.cause, []).append(result.file)
    ranked = sorted(causes.items(), key=lambda item: (-len(item[1]), item[0][0]))
    return Summary(
        outcomes=outcomes,
        causes=tuple(Cause(kind=kind, derived_by=by, files=tuple(files)) for (kind, by, _), files in ranked),
    )


def show(results: Sequence[Result]) -> None:
    """For people: identical logs in a line each, one full report per cause, and how many logs share it."""
    explained: set[tuple[str, str | None, str | None]] = set()
    named: set[str] = set()
    for result in results:
        if result.divergence is not None and result.cause in explained:
            _line(result, f"event {result.divergence.seq}: the same cause as above")
            lines = further([each for each in result.others if each.code == "RPL-GIVEN" or each.kind not in named])
        else:
            _line(result, headline(result))
            lines = details(result)
        for line in lines:
            out.print(on_one_line(line), markup=False)
        if result.cause is not None:
            explained.add(result.cause)
        named.update(each.kind for each in result.others)
    summary = summary_of(results)
    if len(results) > 1:
        tally = ", ".join(f"{count} {outcome}" for outcome, count in sorted(summary.outcomes.items()))
        out.print(f"\n{len(results)} logs: {tally}")
    diverged = summary.outcomes.get("diverged", 0)
    if diverged > 1:
        out.print(f"\n{diverged} episodes diverged, {plural(len(summary.causes), 'cause')}:")
        for cause in summary.causes:
            more = f" and {len(cause.files) - NAMED} more" if len(cause.files) > NAMED else ""
            files = ", ".join(cause.files[:NAMED]) + more
            by = f"  ({cause.derived_by})" if cause.derived_by else ""
            out.print(on_one_line(f"  {len(cause.files):>4}  {cause.kind}{by}  {files}"), markup=False)


def _line(result: Result, text: str) -> None:
    colour = "green" if result.outcome == "identical" else "red"
    out.print(f"[{colour}]{result.outcome:<12}[/] ", end="")
    out.print(on_one_line(f"{result.file}  {text}"), markup=False)
