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


def group_of(header: EpisodeStarted) -> str:
    """Whose rewards an episode's is compared with."""
    return header.task if header.group is None else header.group


def advantage(reward: float, group: Sequence[float | None]) -> float | None:
    """Of one reward among those of its whole group, itself included; None: nobody may learn from the group."""
    known = [each for each in group if each is not None]
    return (reward - fmean(known)) / (pstdev(known) + EPSILON) if len(known) == len(group) else None


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
    events: Sequence[Event], reward: float, group: Sequence[float | None], *,
    trainable: Trainable = "all", drift: Drift = "keep",
) -> Iterator[ArenoRow]:  # fmt: skip
    """One episode's rows, by turn. Raises ValueError for tokens that can not be trained on."""
    header = events[0]
    if not isinstance(header, EpisodeStarted):
        raise ValueError("an episode begins with EpisodeStarted")  # noqa: TRY004  the events are wrong, not a type
    worth = advantage(reward, group)
    if worth is None:
        return
    for row in rows(trained_turns(events, trainable=trainable, drift=drift), merge=False):
        yield ArenoRow(
            episode=header.episode,
            task=header.task,
            step=header.step,
            group=group_of(header),
            sample=header.sample,
            turn=row.turns[0],
            tokens=row.ids,
            loss_mask=row.loss_mask,
            logprobs=row.logprobs,
            reward=reward,
            advantage=worth,
        )
