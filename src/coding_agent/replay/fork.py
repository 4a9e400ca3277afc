"""Forking: what happens if somebody else, or the same policy again, goes on from event k of a recorded episode.

Files and conversation are as they were at that event, because the log holds them; nothing is executed to get there.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import attrs

from coding_agent.errors import IllegalSequence, UsageError
from coding_agent.events.schema import Done, EpisodeStarted, Event, Stopped
from coding_agent.events.values import Limits
from coding_agent.policies.base import Policy
from coding_agent.replay.chain import refuse_exchanged
from coding_agent.replay.sealed import first_divergence
from coding_agent.rollout.begin import Source, history
from coding_agent.rollout.decide import Append, Grade, decide
from coding_agent.rollout.scheduler import Job, episode_seed
from coding_agent.rollout.state import EpisodeState, evolve, fold
from coding_agent.store.reader import Decoded, read_decoded
from coding_agent.tasks.spec import TaskSpec
from coding_agent.tools.dispatch import Denied, prepare

BuildPolicy = Callable[[TaskSpec], Policy]


def fork_jobs(
    log: Path, at: int, *, task: TaskSpec, build: BuildPolicy, n_samples: int, max_turns: int | None = None
) -> list[Job]:
    """One job per sample; the first keeps the parent's seed, so that the parent's own policy does as it did.

    Raises UsageError when the episode was over at `at`, or when today's code does not derive it until there: the branch
    would begin with what never happened. Raises StoreError when the log is not intact.
    """
    records = history(log, at)
    header = records[0].event
    assert isinstance(header, EpisodeStarted)
    if task.digest != header.task_digest:
        raise UsageError(
            f"{log}: the task {task.id} is not the one of that episode: its digest is {task.digest[:12]}, the log says "
            f"{header.task_digest[:12]}; give the task as it was (--tasks)"
        )
    limits = header.limits if max_turns is None else attrs.evolve(header.limits, turns=max_turns)
    _check_derived(log, records, limits)
    _check_open(log, records, limits)
    policy = build(task)
    return [
        Job(
            task=task,
            policy=policy,
            sample=sample,
            limits=limits,
            seed=header.seed if sample == 0 else episode_seed(header.seed, task.id, sample),
            source=Source(log=log, at=at),
            name=f"{header.episode}@{at}",
        )
        for sample in range(n_samples)
    ]


def _check_derived(log: Path, records: list[Decoded], limits: Limits) -> None:
    refuse_exchanged(log)
    found = first_divergence(records)
    if found is None:
        return
    before = [each for each in records if each.record.seq < found.seq]
    earlier = f", and it can be forked at {last_open(before, limits)} or earlier" if before else ""
    raise UsageError(
        f"{log}: today's code does not derive its events up to {records[-1].record.seq}: event {found.seq} (line "
        f"{found.seq + 1})  {found.code}  {found.message}\n"
        f"`coding-agent replay {shlex.quote(str(log))}` says more{earlier}"
    )


def _check_open(log: Path, records: list[Decoded], limits: Limits) -> None:
    state = fold(_limited(records, limits))
    if _is_over(state):
        latest = last_open(read_decoded(log), limits)
        hint = "" if state.submitted or state.stops or state.done else ", or give it more turns (--max-turns)"
        at = records[-1].record.seq
        raise UsageError(f"{log}: the episode is over at event {at}; fork it at {latest} or earlier{hint}")


def last_open(records: Iterable[Decoded], limits: Limits) -> int:
    """The last event after which a policy still can act, before any that may not stand where it stands."""
    state, found = EpisodeState(), 0
    for seq, event in enumerate(_limited(records, limits)):
        try:
            state = evolve(state, event)
        except IllegalSequence:
            break
        if isinstance(event, Stopped | Done):
            break
        found = found if _is_over(state) else seq
    return found


def _limited(records: Iterable[Decoded], limits: Limits) -> Iterator[Event]:
    for record in records:
        event = record.event
        yield attrs.evolve(event, limits=limits) if isinstance(event, EpisodeStarted) else event


def _is_over(state: EpisodeState) -> bool:
    """Whoever plays, there is no turn left to take."""
    if state.done or state.stops or _is_submitting(state):
        return True
    step = decide(state)
    return isinstance(step, Grade) or (isinstance(step, Append) and isinstance(step.event, Done))


def _is_submitting(state: EpisodeState) -> bool:
    if state.turn is None or state.answered or not state.turn.calls:
        return False
    asked = state.turn.calls[0]
    return asked.name == "submit" and not isinstance(
        prepare(asked, tuple(tool.name for tool in state.header.tools)), Denied
    )
