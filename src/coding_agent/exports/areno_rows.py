"""The rows that AReno trained on, from logs alone: which episodes, which rows of theirs, with which advantage.

What the hooks decide while they train is decided here again: a group (the samples of one prompt in one step) with an
episode that nobody may learn from is left out; where that leaves nothing of a step, one episode stands in, without
advantage. Advantages are those of GRPO (Shao et al. 2024): (r - mean) / (std + 1e-8), population standard deviation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from statistics import fmean, pstdev

import attrs

from coding_agent.events.schema import Done, EpisodeStarted, Event
from coding_agent.projections.tokens import Drift, Trainable, rows, trained_turns

EPSILON = 1e-8
NO_SIGNAL = 0.0
"""The reward of an episode that stands in for a step: alone in its group, it has no advantage."""


@attrs.frozen(kw_only=True)
class Played:
    """What of one attempt decides whether it is trained on."""

    log: str
    """Names it among all others."""
    task: str
    sample: int
    attempt: int
    step: int | None
    group: str
    reason: str | None
    """Why it ended; None: it did not."""
    reward: float | None
    """None: nobody may learn from it."""
    has_tokens: bool
    """Whether a row can be made of it."""


@attrs.frozen(kw_only=True)
class Trained:
    """One episode of those that are trained on."""

    played: Played
    reward: float
    advantage: float


@attrs.frozen(kw_only=True)
class ArenoRow:
    """One training sequence: what the model saw, and what it sampled, up to the last id that is learnt from.

    `tokens`, `loss_mask` and `logprobs` have one element per id.
    """

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


def played(log: str, events: Sequence[Event], reward: float | None, *, has_tokens: bool) -> Played:
    """Raises ValueError for what is no episode."""
    header, last = _header(events), events[-1]
    return Played(
        log=log,
        task=header.task,
        sample=header.sample,
        attempt=header.attempt,
        step=header.step,
        group=header.task if header.group is None else header.group,
        reason=last.reason if isinstance(last, Done) else None,
        reward=reward,
        has_tokens=has_tokens,
    )


def trained(attempts: Iterable[Played]) -> list[Trained]:
    """The episodes that were trained on, each its sample's last attempt, by step, prompt and sample, as AReno has them.

    A step that was interrupted is left out: AReno never got it.
    """
    last = _last(attempts)
    left_out = set(interrupted(last))
    steps: dict[int | None, list[Played]] = {}
    for each in sorted(last, key=_place):
        steps.setdefault(each.step, []).append(each)
    return [each for number, step in steps.items() if number not in left_out for each in _of_step(step)]


def interrupted(attempts: Iterable[Played]) -> list[int]:
    """Steps with a cancelled episode, and the last one if an episode of it has no end: they ended with the process.

    An earlier one without an end has a log that could not be written, which costs its group: training went on.
    """
    of_steps = [(each.step, each.reason) for each in _last(attempts) if each.step is not None]
    latest = max((step for step, _ in of_steps), default=None)
    return sorted({step for step, why in of_steps if why == "cancelled" or (why is None and step == latest)})


def advantage(reward: float, group: Sequence[float]) -> float:
    """Of one reward among those of its group, itself included."""
    return (reward - fmean(group)) / (pstdev(group) + EPSILON)


def areno_rows(
    events: Sequence[Event], worth: Trained, *, trainable: Trainable = "all", drift: Drift = "keep"
) -> Iterator[ArenoRow]:
    """One episode's rows, by turn. Raises ValueError for tokens that can not be trained on."""
    header = _header(events)
    for row in rows(trained_turns(events, trainable=trainable, drift=drift), merge=False):
        yield ArenoRow(
            episode=header.episode,
            task=header.task,
            step=header.step,
            group=worth.played.group,
            sample=header.sample,
            turn=row.turns[0],
            tokens=row.ids,
            loss_mask=row.loss_mask,
            logprobs=row.logprobs,
            reward=worth.reward,
            advantage=worth.advantage,
        )


def _last(attempts: Iterable[Played]) -> list[Played]:
    found: dict[tuple[str, int | str], Played] = {}
    for each in sorted(attempts, key=lambda each: each.attempt):
        found[each.task, each.log if each.step is None else each.sample] = each
    return list(found.values())


def _place(each: Played) -> tuple[int, int, str, int]:
    prompt = each.group.rpartition("/")[2]
    number = int(prompt) if each.step is not None and prompt.isdecimal() else 0
    return (-1 if each.step is None else each.step, number, each.group, each.sample)


def _of_step(step: Sequence[Played]) -> list[Trained]:
    groups: dict[str, list[Played]] = {}
    for each in step:
        groups.setdefault(each.group, []).append(each)
    # AReno asks for as many samples of every prompt: of a smaller group a log is missing, and its mean would be wrong.
    whole = max(map(len, groups.values())) if step[0].step is not None else 0
    found = [each for group in groups.values() if len(group) >= whole for each in _of_group(group)]
    if not found and step[0].step is not None:
        stand_in = next((each for each in step if each.has_tokens), step[0])
        found = [Trained(played=stand_in, reward=NO_SIGNAL, advantage=0.0)]
    return found


def _of_group(group: Sequence[Played]) -> list[Trained]:
    rewards = [each.reward for each in group if each.reward is not None]
    if len(rewards) < len(group):
        return []
    return [
        Trained(played=each, reward=reward, advantage=advantage(reward, rewards))
        for each, reward in zip(group, rewards, strict=True)
    ]


def _header(events: Sequence[Event]) -> EpisodeStarted:
    header = events[0] if events else None
    if not isinstance(header, EpisodeStarted):
        raise ValueError("an episode begins with EpisodeStarted")  # noqa: TRY004  the events are wrong, not a type
    return header
