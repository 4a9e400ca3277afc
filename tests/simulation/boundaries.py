"""Episodes left after any of their events: killed there and gone on with, or forked there by the policy that played them."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from pathlib import Path

import attrs

from coding_agent.errors import UsageError
from coding_agent.events.codec import semantic
from coding_agent.events.schema import Event
from coding_agent.policies.base import Policy
from coding_agent.replay.fork import fork_jobs, last_open
from coding_agent.replay.sealed import replay_log
from coding_agent.rollout.scheduler import Job
from coding_agent.sandbox.simulated import SimulatedBackend
from coding_agent.store.reader import read_decoded, read_events
from coding_agent.store.rundir import RunDirectory
from coding_agent.tasks.spec import TaskSpec
from tests.simulation.schedules import episodes, resumed, scratch, undisturbed
from tests.simulation.worlds import Buggy, roll_out


@attrs.frozen
class Whole:
    """One undisturbed episode: its log, line by line."""

    job: Job
    lines: tuple[bytes, ...]
    events: tuple[Event, ...]


@functools.cache
def wholes(world: int) -> tuple[Whole, ...]:
    with scratch() as folder:
        ran = roll_out(folder / "run", episodes(world), SimulatedBackend())
        logs = {(outcome.task, outcome.sample): outcome.path for outcome in ran.outcomes}
        found = [(job, logs[job.task.id, job.sample]) for job in episodes(world)]
        return tuple(
            Whole(job, tuple(log.read_bytes().splitlines(keepends=True)), read_events(log))
            for job, log in found
            if not isinstance(job.policy, Buggy)
        )


def killed_anywhere(world: int, *, at_most: int | None = None) -> Iterator[str | None]:
    """One case for each boundary of each episode: gone on with from there, it ends as it would have ended. Of `at_most` episodes."""
    for whole in wholes(world)[:at_most]:
        for kept in range(len(whole.lines)):
            with scratch() as folder:
                run = RunDirectory.create(folder / "run", {})
                log = _left(run, whole, kept)
                wrong = [*resumed(run, [whole.job], undisturbed(world))]
                if replay_log(log).divergence is not None:
                    wrong.append("the log that was gone on with does not replay")
            yield _told(world, whole, kept - 1, wrong)


def forked_anywhere(world: int, *, at_most: int | None = None) -> Iterator[str | None]:
    """One case for each event after which a policy still can act: its own policy goes the parent's way. Of `at_most` episodes."""
    for whole in wholes(world)[:at_most]:
        with scratch() as folder:
            build = functools.partial(_the_same, whole.job.policy)
            parent = _left(RunDirectory.create(folder / "parent", {}), whole, len(whole.lines))
            for at in range(last_open(read_decoded(parent), whole.job.limits) + 1):
                try:
                    todo = fork_jobs(parent, at, task=whole.job.task, build=build, n_samples=1)
                except UsageError:
                    continue  # a call of `submit` is open there: nobody can act before it is answered
                ran = roll_out(folder / f"fork-{at}", todo, SimulatedBackend())
                (outcome,) = ran.outcomes
                same = _body(read_events(outcome.path)) == _body(whole.events)
                yield _told(world, whole, at, [] if same else ["forked there, it went another way"])


def _the_same(policy: Policy, _task: TaskSpec) -> Policy:
    return policy


def _left(run: RunDirectory, whole: Whole, kept: int) -> Path:
    log = run.log_path(whole.job.task.id, whole.job.sample, 0)
    log.parent.mkdir(parents=True)
    log.write_bytes(b"".join(whole.lines[:kept]))
    return log


def _body(events: tuple[Event, ...]) -> list[object]:
    return [semantic(event) for event in events[1:]]


def _told(world: int, whole: Whole, at: int, wrong: list[str]) -> str | None:
    return f"world {world}, {whole.job.task.id}.{whole.job.sample}, event {at}: {'; '.join(wrong)}" if wrong else None
