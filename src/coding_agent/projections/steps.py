"""A training run step by step: how the episodes of each step went, what they cost, what can be learnt from them.

Made of facts of single episodes, so that a run of any length is summed up without being held in memory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from math import fsum
from statistics import fmean

import attrs

from coding_agent.events.schema import EpisodeStarted, Event, ModelTurn, TestRun, ToolResult
from coding_agent.events.verdict import grade_of
from coding_agent.projections.clock import Clock, clock
from coding_agent.projections.drift import Drift, drift, summed
from coding_agent.projections.lanes import LaneUse, Use, lane_uses, uses
from coding_agent.projections.metrics import EpisodeMetrics, RunMetrics, episode_metrics, run_metrics
from coding_agent.projections.reward import Reward
from coding_agent.projections.spread import Spread, spread
from coding_agent.projections.tokens import untrainable

MIXED, ALL_PASS, ALL_FAIL, UNGRADED = "mixed", "all_pass", "all_fail", "ungraded"
STAGES = ("set_up", "policy", "tool", "grade", "episode")
"""Set-up waits for a place, too; `policy` is one turn, `tool` one call, `grade` one grading, `episode` all of it."""


@attrs.frozen(kw_only=True)
class EpisodeFacts:
    """What a step's sum needs of one episode."""

    step: int | None
    group: str
    metrics: EpisodeMetrics
    reward: Reward
    policy_s: tuple[float, ...]
    tool_s: tuple[float, ...]
    grade_s: tuple[float, ...]
    drift: Drift
    truncated: int
    """Turns that a length limit cut."""
    only_visible: bool
    """The agent's own last test run passed, the grade did not."""
    clock: Clock | None
    uses: tuple[Use, ...]
    """Of the places that episodes share."""


@attrs.frozen(kw_only=True)
class Groups:
    """Samples of one prompt in one step: those that are trained on by how they ended, and those that are not."""

    mixed: int = 0
    all_pass: int = 0
    all_fail: int = 0
    ungraded: int = 0
    masked: int = 0
    """With an episode that nobody may learn from, or without a log that other groups of the step have."""
    zero_variance: int = 0
    """Of those that are not masked, the ones whose rewards are equal: their advantages are 0."""


@attrs.frozen(kw_only=True)
class StepMetrics:
    """One step. An episode is its last attempt; masked episodes have no reward."""

    step: int | None
    """None: episodes that were not played for a step."""
    run: RunMetrics
    """Outcomes, reasons, turns, tools, tokens, retries on the wire."""
    attempts: int
    """Earlier attempts, which the infrastructure failed."""
    tool_error_rate: float | None
    """Calls that were not `ok`, of those that were answered."""
    turns_max: int
    truncated: int
    """Turns that a length limit cut."""
    latency_s: dict[str, Spread]
    """By stage, as `STAGES` says; a stage of which nothing is known is left out."""
    straggler: float | None
    """The slowest episode over the one in the middle."""
    slowest: str | None
    """Task and sample of that episode."""
    models_busy: float | None
    """Requests being answered, in the mean over the time from the step's first event to its last."""
    lanes: dict[str, LaneUse]
    """By kind of place; empty where the times of an episode are not known."""
    drift: Drift
    groups: Groups
    reward_mean: float | None
    parts: dict[str, float]
    """Means over unmasked episodes."""
    masked: dict[str, int]
    """By the reason for which the episode ended."""
    only_visible: int
    """Episodes whose own last test run passed and whose grade did not."""
    solved_tasks: int
    tokens_per_solved_task: float | None
    """Of all attempts of all episodes, prompts and completions."""


def episode_facts(events: Sequence[Event], worth: Reward, times: Sequence[str] = ()) -> EpisodeFacts:
    """`times`: when each event was written, if that is known. Raises ValueError for what is no episode.

    One that was played for a training step, with tokens that it can not be trained on, is masked, as in the training.
    """
    metrics = episode_metrics(events)
    header, grade = events[0], grade_of(events)
    assert isinstance(header, EpisodeStarted)
    if header.step is not None and worth.value is not None and (why := untrainable(events)) is not None:
        worth = attrs.evolve(worth, value=None, explanation=f"masked: {why}", failed=True)
    known = clock(events, times) if times else None
    own = [event for event in events if isinstance(event, TestRun) and event.purpose == "agent"]
    return EpisodeFacts(
        step=header.step,
        group=header.task if header.group is None else header.group,
        metrics=metrics,
        reward=worth,
        policy_s=_known(event.latency_s for event in events if isinstance(event, ModelTurn)),
        tool_s=_known(event.latency_s for event in events if isinstance(event, ToolResult)),
        grade_s=_known([None if grade is None else grade.latency_s]),
        drift=drift(events),
        truncated=sum(event.truncated for event in events if isinstance(event, ModelTurn)),
        only_visible=metrics.passed is False and bool(own) and _all_passed(own[-1]),
        clock=known,
        uses=uses(events, times, known),
    )


def by_step(episodes: Iterable[EpisodeFacts], superseded: Iterable[EpisodeFacts] = ()) -> tuple[StepMetrics, ...]:
    """Each step's sum, in order. `superseded`: earlier attempts; they count as such, and their tokens were paid for."""
    final, earlier = list(episodes), list(superseded)
    steps = {each.step for each in (*final, *earlier)}
    return tuple(
        step_metrics(
            step, [each for each in final if each.step == step], [each for each in earlier if each.step == step]
        )
        for step in sorted(steps, key=lambda step: -1 if step is None else step)
    )


def step_metrics(step: int | None, episodes: Sequence[EpisodeFacts], superseded: Sequence[EpisodeFacts]) -> StepMetrics:
    """The sum of one step's episodes, and of their earlier attempts."""
    run = run_metrics([facts.metrics for facts in episodes])
    answered = sum(run.outcomes.values())
    latency = _latency(episodes)
    worth = [facts.reward for facts in episodes if facts.reward.value is not None]
    solved = {facts.metrics.task for facts in episodes if facts.metrics.passed}
    paid = sum(each.metrics.prompt_tokens + each.metrics.completion_tokens for each in (*episodes, *superseded))
    return StepMetrics(
        step=step,
        run=run,
        attempts=len(superseded),
        tool_error_rate=1 - run.outcomes.get("ok", 0) / answered if answered else None,
        turns_max=max((facts.metrics.turns for facts in episodes), default=0),
        truncated=sum(facts.truncated for facts in episodes),
        latency_s=latency,
        straggler=latency["episode"].tail if "episode" in latency else None,
        slowest=_slowest(episodes),
        models_busy=_models_busy(episodes),
        lanes=lane_uses((use for facts in episodes for use in facts.uses), _took_s(episodes) or 0.0),
        drift=summed([facts.drift for facts in episodes]),
        groups=_groups(episodes),
        reward_mean=_mean(each.value for each in worth),
        parts=_means([each.parts for each in worth]),
        masked=dict(sorted(Counter(f.metrics.reason for f in episodes if f.reward.value is None).items())),
        only_visible=sum(facts.only_visible for facts in episodes),
        solved_tasks=len(solved),
        tokens_per_solved_task=paid / len(solved) if solved else None,
    )


def _latency(episodes: Sequence[EpisodeFacts]) -> dict[str, Spread]:
    clocks = [facts.clock for facts in episodes if facts.clock is not None]
    stages: tuple[Iterable[float], ...] = (
        _known(each.set_up_s for each in clocks),
        (value for facts in episodes for value in facts.policy_s),
        (value for facts in episodes for value in facts.tool_s),
        (value for facts in episodes for value in facts.grade_s),
        (each.whole_s for each in clocks),
    )
    found = zip(STAGES, map(spread, stages), strict=True)
    return {stage: each for stage, each in found if each is not None}


def _slowest(episodes: Sequence[EpisodeFacts]) -> str | None:
    timed = [(facts.clock.whole_s, facts.metrics) for facts in episodes if facts.clock is not None]
    if not timed:
        return None
    _, metrics = max(timed, key=lambda each: each[0])
    return f"{metrics.task} {metrics.sample}"


def _took_s(episodes: Sequence[EpisodeFacts]) -> float | None:
    """From the first event to the last; None where it is not known of every episode."""
    clocks = [facts.clock for facts in episodes if facts.clock is not None]
    if not clocks or len(clocks) < len(episodes):
        return None
    return max(each.ended for each in clocks) - min(each.began for each in clocks)


def _models_busy(episodes: Sequence[EpisodeFacts]) -> float | None:
    took_s = _took_s(episodes)
    return fsum(value for facts in episodes for value in facts.policy_s) / took_s if took_s else None


def _groups(episodes: Sequence[EpisodeFacts]) -> Groups:
    members: dict[str, list[EpisodeFacts]] = {}
    for facts in episodes:
        members.setdefault(facts.group, []).append(facts)
    # A trainer asks for as many samples of every prompt.
    whole = max(map(len, members.values()), default=0) if any(facts.step is not None for facts in episodes) else 0
    kept = [group for group in members.values() if len(group) >= whole and not _is_masked(group)]
    kinds = Counter(map(_kind, kept))
    return Groups(**kinds, masked=len(members) - len(kept), zero_variance=sum(map(_is_flat, kept)))


def _is_masked(group: Sequence[EpisodeFacts]) -> bool:
    return any(facts.reward.value is None for facts in group)


def _kind(group: Sequence[EpisodeFacts]) -> str:
    verdicts = {facts.metrics.passed for facts in group if facts.metrics.passed is not None}
    if not verdicts:
        return UNGRADED
    return MIXED if len(verdicts) > 1 else ALL_PASS if True in verdicts else ALL_FAIL


def _is_flat(group: Sequence[EpisodeFacts]) -> bool:
    return len({facts.reward.value for facts in group}) == 1


def _all_passed(run: TestRun) -> bool:
    return bool(run.outcomes) and set(run.outcomes.values()) <= {"passed", "skipped", "xfailed"} and not run.timed_out


def _known(values: Iterable[float | None]) -> tuple[float, ...]:
    return tuple(value for value in values if value is not None)


def _mean(values: Iterable[float | None]) -> float | None:
    known = _known(values)
    return fmean(known) if known else None


def _means(each: Sequence[dict[str, float]]) -> dict[str, float]:
    names = sorted({name for parts in each for name in parts})
    return {name: fmean(parts[name] for parts in each if name in parts) for name in names}
