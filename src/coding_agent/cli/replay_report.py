"""The report of a sealed replay: one value for `--json`, and the same facts for people, grouped by cause."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from coding_agent.cli.output import out
from coding_agent.replay.contrast import Contrast
from coding_agent.replay.divergence import Divergence
from coding_agent.replay.effect import Effect

NOT_COMPARED = ("at", "synced", "chain", "latency_s", "retries", "harness", "sandbox", "resumed")
"""Observational: when, how long, where. The chain is checked against the bytes instead."""
NAMED = 3
"""Logs of one cause that are named."""


@attrs.frozen(kw_only=True)
class Result:
    """One log's replay."""

    file: str
    outcome: str
    """identical, diverged, damaged or incompatible."""
    events: int = 0
    identical: int = 0
    """Events before the first divergence."""
    sealed: bool = False
    semantic_digest: str | None = None
    """State after the last identical event."""
    recorded_by: str | None = None
    replayed_by: str | None = None
    problem: str | None = None
    divergence: Divergence | None = None
    contrast: Contrast | None = None
    derived_by: str | None = None
    line: int | None = None
    bytes: tuple[int, int] | None = None
    """Offsets of the line's first and last byte."""
    echoes: tuple[int, ...] = ()
    others: tuple[Divergence, ...] = ()
    effect: Effect | None = None
    not_compared: tuple[str, ...] = NOT_COMPARED


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
    causes: dict[tuple[str, str | None], list[str]] = {}
    for result in results:
        outcomes[result.outcome] = outcomes.get(result.outcome, 0) + 1
        if result.divergence is not None:
            causes.setdefault((result.divergence.kind, result.derived_by), []).append(result.file)
    ranked = sorted(causes.items(), key=lambda item: (-len(item[1]), item[0][0]))
    return Summary(
        outcomes=outcomes,
        causes=tuple(Cause(kind=kind, derived_by=by, files=tuple(files)) for (kind, by), files in ranked),
    )


def show(results: Sequence[Result]) -> None:
    """For people: identical logs in a line each, one full report per cause, and how many logs share it."""
    explained: set[str] = set()
    for result in results:
        kind = result.divergence.kind if result.divergence else ""
        if result.divergence is None or kind not in explained:
            _show(result)
        else:
            _line(result, f"event {result.divergence.seq}: the same cause as above")
        explained.add(kind)
    summary = summary_of(results)
    diverged = summary.outcomes.get("diverged", 0)
    if diverged > 1:
        out.print(f"\n{diverged} episodes diverged, {_plural(len(summary.causes), 'cause')}:")
        for cause in summary.causes:
            more = f" and {len(cause.files) - NAMED} more" if len(cause.files) > NAMED else ""
            named = ", ".join(cause.files[:NAMED]) + more
            out.print(f"  {len(cause.files):>4}  {cause.kind}  {named}", markup=False)


def _show(result: Result) -> None:
    if result.divergence is None:
        open_end = "" if result.sealed or result.problem else "  (not sealed: replayed as far as it goes)"
        _line(result, result.problem or f"{result.events} events{open_end}")
        return
    found = result.divergence
    first, last = result.bytes or (0, 0)
    where = f"event {found.seq} of {result.events} (line {result.line}, bytes {first}-{last})  {found.code}"
    _line(result, where)
    _row("what", found.message)
    if result.contrast is not None and found.code in {"RPL-FIELD", "RPL-GIVEN"}:
        _contrast(result, result.contrast)
    same = f"events 0-{found.seq - 1} identical" if found.seq else "nothing"
    _row("same", f"{same} (state {(result.semantic_digest or '')[:12]})")
    if result.echoes:
        _row("echoes", f"the same cause at {', '.join(map(str, result.echoes))}")
    for other in result.others:
        _row("also", f"event {other.seq}  {other.code}  {other.message}")
    _row("chain", "intact: the file is as it was written, so it is the code or the event's meaning that changed")
    if result.derived_by:
        _row("derived by", result.derived_by)
    if result.effect is not None:
        _row("effect", result.effect.message)
    _row("not compared", ", ".join(result.not_compared))
    _row("next", f"coding-agent show {result.file} | coding-agent replay --json {result.file}")
    if found.seq:
        _row("", f"coding-agent fork {result.file} --at {found.seq - 1}")


def _contrast(result: Result, values: Contrast) -> None:
    _row("recorded", f"{values.recorded}   (by {result.recorded_by})")
    _row("replayed", f"{values.replayed}   (by {result.replayed_by})")
    _row("", " " * values.caret + "^")
    if values.note:
        _row("", values.note)


def _line(result: Result, text: str) -> None:
    colour = "green" if result.outcome == "identical" else "red"
    out.print(f"[{colour}]{result.outcome:<12}[/] ", end="")
    out.print(f"{result.file}  {text}", markup=False)


def _row(name: str, text: str) -> None:
    out.print(f"  {name:<13}{text}", markup=False)


def _plural(count: int, noun: str) -> str:
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
