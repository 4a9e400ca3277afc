"""What is left to do in a run directory: which episodes are kept, go on, branch off or have yet to begin.

An episode whose log has no Done goes on in its own file. One that was cancelled, or that the infrastructure failed,
gets a new attempt that branches from its last event before the stop. Whatever else is sealed is kept. Damage is refused
by name.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import attrs

from coding_agent.errors import UsageError
from coding_agent.events.schema import Done, EpisodeStarted, Stopped
from coding_agent.rollout.begin import Source
from coding_agent.rollout.scheduler import Job
from coding_agent.store.known import Manifests
from coding_agent.store.reader import LogReport, read_events
from coding_agent.store.recover import Recovery, recover
from coding_agent.store.rundir import RunDirectory, verify_log

AGAIN = frozenset({"cancelled", "infra_error"})
"""Ends that say nothing about the agent."""


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
        return sum(job.source is not None and job.source.at is None for job in self.jobs)

    @property
    def again(self) -> int:
        return sum(job.source is not None and job.source.at is not None for job in self.jobs)


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
        if report.condition == "torn":
            recovered.append(recover(log))
            report = recovered[-1].report
        if report.condition in {"damaged", "incompatible", "missing", "unreadable"}:
            refused.append(report)
        elif (rest := _rest(job, attempt, log)) is None:
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
        if not log.exists() and manifests.about(log)[1] is None:
            break
        attempt = number
    return attempt


def _rest(job: Job, attempt: int, log: Path) -> Job | None:
    """What is left of a job whose latest attempt is this intact log; None: nothing."""
    if log.stat().st_size == 0:
        return attrs.evolve(job, attempt=attempt, source=Source(log=log))
    events = read_events(log)
    header, last = events[0], events[-1]
    assert isinstance(header, EpisodeStarted)
    if isinstance(last, Done) and last.reason not in AGAIN:
        return None
    _same(job, header, log)
    stop = next((n for n, event in enumerate(events) if isinstance(event, Stopped) and event.cause in AGAIN), None)
    if not isinstance(last, Done):
        then = None if stop is None else stop - 1
        return attrs.evolve(job, attempt=attempt, source=Source(log=log, then=then))
    assert stop is not None
    return attrs.evolve(job, attempt=attempt + 1, source=Source(log=log, at=stop - 1))


def _same(job: Job, header: EpisodeStarted, log: Path) -> None:
    for what, now, then in (
        ("task", f"{job.task.id} {job.task.digest[:12]}", f"{header.task} {header.task_digest[:12]}"),
        ("policy", job.policy.spec, header.policy),
        ("seed", job.seed, header.seed),
    ):
        if now != then:
            raise UsageError(f"{log}: the {what} was {then}, now it is {now}; resume with what the run began with")
