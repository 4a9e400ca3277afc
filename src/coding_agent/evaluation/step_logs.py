"""Logs as the facts that the sums of steps are made of. One log is held at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import attrs

from coding_agent.errors import StoreError
from coding_agent.events.schema import Event
from coding_agent.projections.patch import ReadBlob
from coding_agent.projections.reward import Reward, reward
from coding_agent.projections.steps import EpisodeFacts, episode_facts
from coding_agent.store.reader import read_decoded
from coding_agent.store.rundir import blobs_of

Score = Callable[[Sequence[Event], ReadBlob], Reward]


@attrs.frozen
class Attempts:
    """The episodes of a run directory: each sample's last attempt, and those before it."""

    final: tuple[EpisodeFacts, ...]
    superseded: tuple[EpisodeFacts, ...]
    unscored: tuple[str, ...] = ()
    """Which log has no reward although one was asked for, and why."""


def facts_of(log: Path, score: Score = reward) -> EpisodeFacts:
    """Raises StoreError for a log that is not intact or has no beginning, and what `score` raises."""
    decoded = list(read_decoded(log))
    events = tuple(each.event for each in decoded)
    worth = score(events, blobs_of(log).get)
    try:
        return episode_facts(events, worth, [each.record.at for each in decoded])
    except ValueError as error:
        raise StoreError(str(log), str(error)) from error


def attempts(
    logs: Iterable[Path], *, of_one_run: bool, warn: Callable[[StoreError], None], score: Score = reward
) -> Attempts:
    """Facts of each log. What is wrong with a log that can not be read goes to `warn`; it is left out.

    `of_one_run`: logs of the same task and sample are attempts at one episode; else each log is an episode of its own.
    """
    last: dict[tuple[str, int | str], EpisodeFacts] = {}
    superseded, unscored = [], []
    for log in logs:
        try:
            facts = facts_of(log, score)
        except StoreError as error:
            warn(error)
            continue
        if facts.reward.failed:
            unscored.append(f"{log}: {facts.reward.explanation}")
        key = (facts.metrics.task, facts.metrics.sample if of_one_run else str(log))
        before = last.get(key)
        if before is not None and before.metrics.attempt > facts.metrics.attempt:
            superseded.append(facts)
            continue
        if before is not None:
            superseded.append(before)
        last[key] = facts
    return Attempts(tuple(last.values()), tuple(superseded), tuple(unscored))
