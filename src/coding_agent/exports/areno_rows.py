"""The rows that AReno trains on, from logs alone: one per turn, with reward and group-relative advantage.

A group (the samples of one prompt in one step) with an episode that nobody may learn from gives no rows, as in the
hooks. Advantages are those of GRPO (Shao et al. 2024): (r - mean) / (std + 1e-8), population standard deviation.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import fmean, pstdev

import attrs

from coding_agent.events.schema import EpisodeStarted, Event
from coding_agent.projections.tokens import Drift, Trainable, rows, trained_turns

EPSILON = 1e-8


@attrs.frozen(kw_only=True)
class Scored:
    """One episode's final attempt, and what it is worth; `reward` None: masked."""

    events: Sequence[Event]
    reward: float | None

    @property
    def header(self) -> EpisodeStarted:
        first = self.events[0]
        if not isinstance(first, EpisodeStarted):
            raise ValueError("an episode begins with EpisodeStarted")  # noqa: TRY004  the events are wrong, not a type
        return first

    @property
    def group(self) -> str:
        return self.header.task if self.header.group is None else self.header.group


@attrs.frozen(kw_only=True)
class ArenoRow:
    """One training sequence. `tokens`, `loss_mask` and `logprobs` have one element per id."""

    episode: str
    task: str
    step: int | None
    group: str
    sample: int
    turn: int
    tokens: tuple[int, ...]
    loss_mask: tuple[bool, ...]
    logprobs: tuple[float, ...]
    reward: float
    advantage: float


def areno_rows(
    episodes: Sequence[Scored], *, trainable: Trainable = "all", drift: Drift = "keep"
) -> Iterator[ArenoRow]:
    """In the order of episodes and turns. Raises ValueError for tokens that can not be trained on."""
    groups: dict[str, list[float | None]] = {}
    for episode in episodes:
        groups.setdefault(episode.group, []).append(episode.reward)
    for episode in episodes:
        rewards = [reward for reward in groups[episode.group] if reward is not None]
        if episode.reward is None or len(rewards) < len(groups[episode.group]):
            continue
        advantage = (episode.reward - fmean(rewards)) / (pstdev(rewards) + EPSILON)
        header = episode.header
        for row in rows(trained_turns(episode.events, trainable=trainable, drift=drift), merge=False):
            yield ArenoRow(
                episode=header.episode,
                task=header.task,
                step=header.step,
                group=episode.group,
                sample=header.sample,
                turn=row.turns[0],
                tokens=row.ids,
                loss_mask=row.loss_mask,
                logprobs=row.logprobs,
                reward=episode.reward,
                advantage=advantage,
            )
