"""How often each task was solved, read from the logs of earlier runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import structlog

from coding_agent.areno.curriculum import Key, Tally, summed
from coding_agent.errors import StoreError
from coding_agent.events.schema import Done, EpisodeStarted, Event
from coding_agent.events.verdict import grade_of, passed
from coding_agent.projections.reward import MASKED
from coding_agent.store.reader import read_events
from coding_agent.store.rundir import RunDirectory

_log = structlog.get_logger("coding_agent.areno")


def tallies_of(runs: Iterable[Path]) -> dict[Key, Tally]:
    """Raises UsageError for what is no run directory. Logs that can not be read are told of and left out."""
    return summed(_each(log for run in runs for log in RunDirectory.open(run).logs()))


def _each(logs: Iterable[Path]) -> Iterator[tuple[Key, Tally]]:
    for log in logs:
        try:
            events = read_events(log)
        except StoreError as error:
            _log.warning("a log does not count for the curriculum", why=str(error))
            continue
        if (found := tally_of(events)) is not None:
            yield found


def tally_of(events: Sequence[Event]) -> tuple[Key, Tally] | None:
    """What one episode says of its task; None: nothing.

    Nothing is said by what was masked or not graded, by a policy that knew the solution, and by a branch of an episode,
    which began where another had got to.
    """
    header, done, grade = events[0], events[-1], grade_of(events)
    if not isinstance(header, EpisodeStarted) or not isinstance(done, Done):
        return None
    is_branch = header.parent is not None and header.attempt == 0
    if grade is None or done.reason in MASKED or header.privileged or is_branch:
        return None
    return (header.task, header.task_digest), Tally(graded=1, solved=int(passed(grade)))
