"""How often each task was solved of late, read from the logs of earlier runs and of this one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import attrs
import structlog

from coding_agent.areno.curriculum import Key, Tally, summed
from coding_agent.errors import StoreError
from coding_agent.events.schema import Done, EpisodeStarted, Event
from coding_agent.events.verdict import grade_of, passed
from coding_agent.projections.reward import MASKED, own_doing
from coding_agent.store.reader import read_decoded
from coding_agent.store.rundir import RunDirectory

_log = structlog.get_logger("coding_agent.areno")


@attrs.frozen(kw_only=True)
class Said:
    """What one episode says of its task."""

    task: Key
    tally: Tally
    ended: str
    """When its log says that it ended, RFC 3339 in UTC."""
    head: str
    """The chain of its log's last line: a copy of the log has the same."""


class Logbook:
    """Reads each log of a finished episode once, however often it is asked."""

    def __init__(self) -> None:
        self._read: dict[Path, Said | None] = {}

    def tallies(self, runs: Iterable[Path], *, window: int = 0) -> dict[Key, Tally]:
        """Of each task's latest `window` episodes, or of all (0). Raises UsageError for what is no run directory.

        Logs that can not be read are told of and left out; the copies of one count once.
        """
        found = [each for run in runs for log in RunDirectory.open(run).logs() if (each := self._of(log)) is not None]
        said = {each.head: each for each in found}.values()
        return summed((each.task, each.tally) for each in latest(said, window))

    def _of(self, log: Path) -> Said | None:
        if log in self._read:
            return self._read[log]
        try:
            records = list(read_decoded(log))
        except StoreError as error:
            _log.warning("a log does not count for the curriculum", why=str(error))
            self._read[log] = None
            return None
        found = tally_of([each.event for each in records])
        last = records[-1].record
        said = None if found is None else Said(task=found[0], tally=found[1], ended=last.at, head=last.chain)
        if isinstance(records[-1].event, Done):
            self._read[log] = said
        return said


def latest(each: Iterable[Said], window: int) -> list[Said]:
    """The latest `window` of each task; all if it is 0."""
    by_task: dict[Key, list[Said]] = {}
    for said in sorted(each, key=lambda said: said.ended):
        by_task.setdefault(said.task, []).append(said)
    return [said for found in by_task.values() for said in found[-window:]]


def tally_of(events: Sequence[Event]) -> tuple[Key, Tally] | None:
    """What one episode says of its task; None: nothing.

    Nothing is said by what was masked or not graded, by a policy that knew the solution, and by a branch of an episode,
    which began where another had got to. Who ended his own episode, so that nobody can grade it, has not solved it.
    """
    header, done, grade = events[0], events[-1], grade_of(events)
    if not isinstance(header, EpisodeStarted) or not isinstance(done, Done):
        return None
    is_branch = header.parent is not None and header.attempt == 0
    is_undone = own_doing(events) is not None
    if header.privileged or is_branch or (not is_undone and (grade is None or done.reason in MASKED)):
        return None
    solved = not is_undone and grade is not None and passed(grade)
    return (header.task, header.task_digest), Tally(graded=1, solved=int(solved))
