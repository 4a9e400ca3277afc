"""Concurrent rollouts: independent episodes, no turn barrier, bounded capacity, retries that are attempts of their own.

A failed episode never takes a sibling with it, nor does one whose log can not be written. Groups (the samples of one
task) are reported when they are complete.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import anyio
import attrs
import structlog
from anyio import to_thread

from coding_agent.errors import StoreError, UsageError, ungrouped
from coding_agent.events.schema import EpisodeStarted, TestRun
from coding_agent.events.values import Limits
from coding_agent.events.verdict import passed
from coding_agent.policies.base import Policy
from coding_agent.rollout.begin import Beginning, Source, begin, branch, go_on
from coding_agent.rollout.episode import Episode
from coding_agent.rollout.state import EpisodeState
from coding_agent.rollout.world import World
from coding_agent.store.manifest import Entry, TakesEntries
from coding_agent.store.writer import LogWriter, utc_now
from coding_agent.tasks.spec import TaskSpec

_log = structlog.get_logger("coding_agent.scheduler")


@attrs.frozen(kw_only=True)
class Job:
    """One sample of one task."""

    task: TaskSpec
    policy: Policy
    sample: int
    limits: Limits
    seed: int
    attempt: int = 0
    """Of this job's first attempt here; earlier ones are in the run directory already."""
    source: Source | None = None
    """The older log that the first attempt goes on from."""
    name: str | None = None
    """What the episode's id begins with, instead of the task's id."""
    step: int | None = None
    """The training step that it is played for."""
    group: str | None = None
    """Names the jobs that are reported together, and whose rewards are compared; the task's id if None."""

    @property
    def group_name(self) -> str:
        return self.task.id if self.group is None else self.group


@attrs.frozen(kw_only=True)
class Outcome:
    """How one job's last attempt ended."""

    task: str
    sample: int
    attempt: int
    path: Path
    reason: str
    """That of its Done; `unfinished`: its log has none, as it could not be written."""
    passed: bool | None
    turns: int
    semantic_digest: str
    group: str
    detail: str = ""
    """What stopped it, when something from outside did."""


UNFINISHED = "unfinished"
STALLED_S = 120.0
"""Seconds without an event or a new stage after which the watchdog names an episode."""

StartEpisode = Callable[[Job, int], EpisodeStarted]
"""Builds the first event of (job, attempt)."""


def episode_seed(seed: int, task: str, sample: int) -> int:
    """A seed of its own for each episode, below 2^53, the same whatever else runs beside it."""
    digest = hashlib.sha256(f"{seed}/{task}/{sample}".encode()).digest()
    return int.from_bytes(digest[:6], "big")


class Scheduler:
    """Runs jobs over one world. Everything loop-bound in it dies with the call of `run`."""

    def __init__(
        self, *, world: World, start: StartEpisode, concurrency: int, retries: int = 1,
        on_outcome: Callable[[Outcome], None] | None = None,
        on_group: Callable[[str, Sequence[Outcome]], None] | None = None,
    ) -> None:  # fmt: skip
        self.world, self.start = world, start
        self.concurrency, self.retries = concurrency, retries
        self.on_outcome, self.on_group = on_outcome, on_group
        self.outcomes: list[Outcome] = []
        self._live: set[Episode] = set()

    async def run(self, jobs: Sequence[Job], manifest: TakesEntries) -> list[Outcome]:
        """All outcomes, sorted by task and sample. Raises when the manifest can not be written, and cancellation."""
        waiting = iter(jobs)
        missing = Counter(job.group_name for job in jobs)
        with ungrouped():
            async with anyio.create_task_group() as watched:
                watched.start_soon(self._watch)
                async with anyio.create_task_group() as group:
                    for _ in range(min(self.concurrency, len(jobs))):
                        group.start_soon(self._work, waiting, manifest, missing)
                watched.cancel_scope.cancel()
        return sorted(self.outcomes, key=lambda outcome: (outcome.task, outcome.sample))

    async def _watch(self) -> None:
        """Name whatever has not moved for a while, again and again until it does."""
        while True:
            await anyio.sleep(STALLED_S / 4)
            now = anyio.current_time()
            for episode in self._live:
                at = episode.journal
                if now - at.moved_at > STALLED_S:
                    name, waited = at.log.path.name, round(now - at.moved_at)
                    _log.warning("blocked", task=episode.task.id, log=name, stage=at.stage, seconds=waited)

    async def _work(self, waiting: Iterator[Job], manifest: TakesEntries, missing: Counter[str]) -> None:
        for job in waiting:
            outcome = await self._attempts(job, manifest)
            self.outcomes.append(outcome)
            if self.on_outcome:
                self.on_outcome(outcome)
            missing[job.group_name] -= 1
            if not missing[job.group_name] and self.on_group:
                self.on_group(job.group_name, [o for o in self.outcomes if o.group == job.group_name])

    async def _attempts(self, job: Job, manifest: TakesEntries) -> Outcome:
        attempt = job.attempt
        while True:
            outcome = await self._attempt(job, attempt, manifest)
            if job.source is not None and job.source.then is not None:
                attempt += 1
                job = attrs.evolve(job, attempt=attempt, source=Source(log=job.source.log, at=job.source.then))
                continue
            if outcome.reason != "infra_error" or attempt - job.attempt >= self.retries or self.world.is_over():
                return outcome
            attempt += 1
            if job.source is not None:
                again = None if job.source.at is None else attrs.evolve(job.source, begun=False)
                job = attrs.evolve(job, source=again)
            _log.warning("infrastructure failed, trying again", task=job.task.id, sample=job.sample, attempt=attempt)

    async def _attempt(self, job: Job, attempt: int, manifest: TakesEntries) -> Outcome:
        # A cancelled run begins nothing more.
        await anyio.lowlevel.checkpoint_if_cancelled()
        try:
            if job.source is None:
                beginning = self._begin(job, attempt)
            else:
                beginning = await to_thread.run_sync(self._begin, job, attempt)
        except StoreError as error:
            return self._unwritten(job, attempt, error)
        except UsageError as error:
            if job.source is not None:
                raise
            return self._unwritten(job, attempt, error)
        with beginning.log as log:
            episode = Episode(task=job.task, policy=job.policy, world=self.world, beginning=beginning)
            self._live.add(episode)
            unwritten = None
            try:
                unwritten = await self._play(episode)
            finally:
                self._live.discard(episode)
                outcome = self._outcome(job, attempt, log, episode.state)
                with anyio.CancelScope(shield=True):
                    if episode.state.done is not None:
                        await to_thread.run_sync(manifest.append, self._entry(episode, outcome))
        return outcome if unwritten is None else attrs.evolve(outcome, detail=str(unwritten))

    def _begin(self, job: Job, attempt: int) -> Beginning:
        world = self.world
        start, redacted = world.secrets.scrub(self.start(job, attempt))
        start = attrs.evolve(start, redacted=redacted)
        path = world.run.log_path(job.task.id, job.sample, attempt)
        if job.source is None:
            return begin(path, start, durability=world.durability, disk=world.run.disk)
        if job.source.at is None:
            return go_on(job.source.log, start, durability=world.durability)
        return branch(job.source, path, start, run=world.run, durability=world.durability)

    async def _play(self, episode: Episode) -> StoreError | None:
        """What kept the episode from being recorded to its end, if anything did."""
        try:
            await episode.run()
        except StoreError as error:
            return error
        except Exception as bug:  # noqa: BLE001  the one boundary between episodes; cancellation is not an Exception
            # A bug in one episode is recorded and shown; its siblings go on.
            _log.exception("bug in an episode", log=str(episode.journal.log.path), stage=episode.journal.stage)
            try:
                await episode.abandon(f"bug: {type(bug).__name__}: {bug}")
            except StoreError as error:
                return error
        return None

    def _unwritten(self, job: Job, attempt: int, error: StoreError | UsageError) -> Outcome:
        """Of an episode whose log could not even be begun."""
        path = self.world.run.log_path(job.task.id, job.sample, attempt)
        return Outcome(
            task=job.task.id, sample=job.sample, attempt=attempt, path=path, reason=UNFINISHED, passed=None, turns=0,
            semantic_digest="", group=job.group_name, detail=str(error),
        )  # fmt: skip

    def _outcome(self, job: Job, attempt: int, log: LogWriter, state: EpisodeState) -> Outcome:
        return Outcome(
            task=job.task.id,
            sample=job.sample,
            attempt=attempt,
            path=log.path,
            reason=state.done.reason if state.done else UNFINISHED,
            passed=passed(state.grade) if isinstance(state.grade, TestRun) else None,
            turns=state.counts.turns,
            semantic_digest=log.state,
            detail=state.stops[0].detail if state.stops else "",
            group=job.group_name,
        )

    def _entry(self, episode: Episode, outcome: Outcome) -> Entry:
        log = episode.journal.log
        return Entry(
            at=utc_now(),
            episode=episode.state.header.episode,
            path=str(log.path.relative_to(self.world.run.path)),
            task=outcome.task,
            sample=outcome.sample,
            attempt=outcome.attempt,
            events=log.events,
            head=log.chain,
            semantic_digest=log.state,
            summary={"reason": outcome.reason, "turns": outcome.turns, "passed": outcome.passed},
            step=episode.state.header.step,
            group=outcome.group,
        )
