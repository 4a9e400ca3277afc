"""What is left to do in a run directory: which episodes are kept, go on, branch off or have yet to begin.

An episode whose log has no Done goes on in its own file. One that was cancelled, or that the infrastructure failed,
gets a new attempt that branches from its last event before the stop. Whatever else is sealed is kept. Damage is refused
by name.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import attrs

from coding_agent.errors import IllegalSequence, LogDamaged, StoreError, UsageError
from coding_agent.events.log import check_sequence
from coding_agent.events.schema import Done, EpisodeStarted, Stopped
from coding_agent.events.text import escape
from coding_agent.events.values import Parent
from coding_agent.rollout.begin import Source
from coding_agent.rollout.scheduler import Job
from coding_agent.store.known import Manifests
from coding_agent.store.reader import LogReport, condition_of, event_of, read_events, read_records
from coding_agent.store.recover import Recovery, recover
from coding_agent.store.rundir import RunDirectory, verify_log

AGAIN = frozenset({"cancelled", "infra_error"})
"""Ends that say nothing about the agent."""
REFUSED = frozenset({"damaged", "incompatible", "missing", "unreadable"})


@attrs.frozen(kw_only=True)
class Plan:
    """What `resume` will do. Torn logs were cut already, and their originals kept."""

    kept: tuple[Path, ...]
    jobs: tuple[Job, ...]
    recovered: tuple[Recovery, ...]
    refused: tuple[LogReport, ...]
    """Damaged, gone, of an unknown format or not to be read, or a blob that its log needs to go on: left alone, the
    episode with it."""

    @property
    def going_on(self) -> int:
        return sum(job.source is not None and (job.source.at is None or job.source.begun) for job in self.jobs)

    @property
    def again(self) -> int:
        return sum(
            job.source is not None and job.source.at is not None and job.attempt > 0 and not job.source.begun
            for job in self.jobs
        )


def plan(run: RunDirectory, jobs: Iterable[Job]) -> Plan:
    """Look at each job's latest attempt. Raises UsageError when task, policy or seed is not what was running."""
    kept: list[Path] = []
    left: list[Job] = []
    recovered: list[Recovery] = []
    refused: list[LogReport] = []
    manifests = Manifests()
    for job in jobs:
        attempt = _latest(run, job, manifests)
        if attempt is None:
            left.append(job)
            continue
        log = run.log_path(job.task.id, job.sample, attempt)
        # A log that was sealed and is not any more lost events, and must not go on as if it had not.
        reports = list(verify_log(log, manifests=manifests))
        report = next(each for each in reports if each.kind == "log")
        blobs = [each for each in reports if each.kind == "blob"]
        try:
            if report.condition == "torn":
                recovered.append(recover(log))
                report = recovered[-1].report
            rest = None if report.condition in REFUSED else _rest(run, job, attempt)
        except StoreError as error:
            # What only decoding finds wrong, or a torn log that can not be cut.
            is_torn = report.condition == "torn"
            report = attrs.evolve(report, condition="torn" if is_torn else condition_of(error), problem=str(error))
            refused.append(attrs.evolve(report, line=error.line, byte=error.byte))
            continue
        if report.condition in REFUSED:
            refused.append(report)
        elif rest is None:
            kept.append(log)
        elif blobs:
            refused.append(blobs[0])
        else:
            left.append(rest)
    return Plan(kept=tuple(kept), jobs=tuple(left), recovered=tuple(recovered), refused=tuple(refused))


def _latest(run: RunDirectory, job: Job, manifests: Manifests) -> int | None:
    """The last attempt that is there, or that the manifest says was there."""
    attempt = None
    for number in range(1_000_000):
        log = run.log_path(job.task.id, job.sample, number)
        if not (log.exists() or log.is_symlink()) and manifests.about(log)[1] is None:
            break
        attempt = number
    return attempt


def _rest(run: RunDirectory, job: Job, attempt: int) -> Job | None:
    """What is left of a job whose latest attempt is an intact log; None: nothing."""
    log = run.log_path(job.task.id, job.sample, attempt)
    if log.stat().st_size == 0:
        return attrs.evolve(job, attempt=attempt, source=_unbegun(run, job, attempt) or Source(log=log))
    if _is_kept(log):
        return None
    events = read_events(log)
    try:
        check_sequence(events)
    except IllegalSequence as error:
        raise LogDamaged(str(log), f"no episode: {error}", line=error.seq + 1) from error
    header, last = events[0], events[-1]
    assert isinstance(header, EpisodeStarted)
    _same(job, header, log)
    if header.parent is not None and len(events) <= header.parent.seq:
        return attrs.evolve(job, attempt=attempt, source=_parent(run, job, attempt, header.parent, len(events)))
    stop = next((n for n, event in enumerate(events) if isinstance(event, Stopped) and event.cause in AGAIN), None)
    if not isinstance(last, Done):
        then = None if stop is None else stop - 1
        return attrs.evolve(job, attempt=attempt, source=Source(log=log, then=then))
    if stop is None:
        raise LogDamaged(str(log), f"it ended {last.reason}, and no event says what stopped it", line=len(events))
    return attrs.evolve(job, attempt=attempt + 1, source=Source(log=log, at=stop - 1))


def _unbegun(run: RunDirectory, job: Job, attempt: int) -> Source | None:
    """Where an attempt of which nothing was written was to branch from; None: it was to begin anew."""
    source = job.source
    if source is None and attempt > 0 and run.log_path(job.task.id, job.sample, attempt - 1).exists():
        before = _rest(run, job, attempt - 1)
        source = None if before is None else before.source
    return None if source is None or source.at is None else attrs.evolve(source, begun=True)


def _parent(run: RunDirectory, job: Job, attempt: int, parent: Parent, events: int) -> Source:
    """The log that a branch was still taking events over from: until it has them all, it is not that branch."""
    former = [run.log_path(job.task.id, job.sample, attempt - 1)] if attempt else []
    for log in [*former, *([] if job.source is None else [job.source.log])]:
        if log.exists() and any((each.seq, each.chain) == (parent.seq, parent.chain) for each in read_records(log)):
            return Source(log=log, at=parent.seq, begun=True)
    place = run.log_path(job.task.id, job.sample, attempt)
    lacking = f"only {events} of the {parent.seq + 1} events that it takes over from {parent.episode} are in it"
    raise StoreError(str(place), f"{lacking}, and that log is not where it was: restore it, or delete this one")


def _is_kept(log: Path) -> bool:
    """Whether the episode ended for a reason of its own. Nothing before its end is decoded but what it began with."""
    last = None
    for last in read_records(log, strict=False):
        if last.seq == 0 and last.type != "episode_started":
            raise LogDamaged(str(log), "the first event is not EpisodeStarted", line=1, byte=0)
    done = event_of(last, log) if last is not None and last.type == "done" else None
    return isinstance(done, Done) and done.reason not in AGAIN


def _same(job: Job, header: EpisodeStarted, log: Path) -> None:
    for what, now, then in (
        ("task", f"{job.task.id} {job.task.digest[:12]}", f"{header.task} {header.task_digest[:12]}"),
        ("policy", escape(job.policy.spec), header.policy),
        ("seed", job.seed, header.seed),
    ):
        if now != then:
            raise UsageError(f"{log}: the {what} was {then}, now it is {now}; resume with what the run began with")
