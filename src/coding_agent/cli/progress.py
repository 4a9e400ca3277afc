"""Live progress on stderr: a bar and the stages on a terminal, one line per finished episode elsewhere."""

from __future__ import annotations

from collections import Counter
from types import TracebackType
from typing import Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from coding_agent.cli.output import err
from coding_agent.events.schema import Event
from coding_agent.rollout.scheduler import Outcome
from coding_agent.rollout.world import Stage


class Watch:
    """Follows a rollout. `observe` and `finished` are the scheduler's callbacks."""

    def __init__(self, total: int, *, quiet: bool = False) -> None:
        columns = (
            TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
            TextColumn("{task.fields[stages]}"),
        )  # fmt: skip
        self._live = err.is_terminal and not quiet
        self._quiet = quiet
        self._progress = Progress(*columns, console=err, disable=not self._live, transient=True)
        self._bar = self._progress.add_task("episodes", total=total, stages="")
        self._stages: dict[str, Stage] = {}
        self._done = 0
        self._total = total

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._progress.stop()

    def observe(self, episode: str, stage: Stage, event: Event | None) -> None:
        del event
        if stage == "done":
            self._stages.pop(episode, None)
        else:
            self._stages[episode] = stage
        if self._live:
            stages = " ".join(f"{name}:{count}" for name, count in sorted(Counter(self._stages.values()).items()))
            self._progress.update(self._bar, stages=stages)

    def finished(self, outcome: Outcome) -> None:
        self._done += 1
        self._progress.update(self._bar, advance=1)
        if self._quiet:
            return
        mark = (
            "[green]passed[/]"
            if outcome.passed
            else "[red]failed[/]"
            if outcome.passed is False
            else "[yellow]none[/]  "
        )
        what = f"{outcome.task} #{outcome.sample}  {outcome.reason}, {outcome.turns} turns"
        self._progress.console.print(f"[{self._done}/{self._total}] {mark} {what}")
        if outcome.detail:
            self._progress.console.print(f"    {outcome.detail}", markup=False)


def outcome_table(outcomes: list[Outcome]) -> Table:
    """How every episode ended."""
    table = Table(box=None)
    for column in ("task", "sample", "tests", "ended by", "turns", "episodes/"):
        table.add_column(column)
    for each in outcomes:
        log = f"{each.path.parent.name}/{each.path.name}"
        verdict = {True: "[green]passed[/]", False: "[red]failed[/]", None: "[yellow]not graded[/]"}[each.passed]
        table.add_row(each.task, str(each.sample), verdict, each.reason, str(each.turns), log)
    return table
