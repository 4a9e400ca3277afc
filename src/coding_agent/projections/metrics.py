"""Metrics: what an episode cost and how it went, and what a run amounts to. Recomputable from logs alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from statistics import fmean, median

import attrs

from coding_agent.events.schema import Done, EpisodeStarted, Event, ModelTurn, TestRun, ToolCall, ToolResult
from coding_agent.events.verdict import grade_of, passed


@attrs.frozen(kw_only=True)
class EpisodeMetrics:
    """One episode. Latencies in seconds, observational."""

    task: str
    sample: int
    attempt: int
    policy: str
    reason: str
    """`unfinished` while there is no Done."""
    passed: bool | None
    """None when it was not graded."""
    turns: int
    test_runs: int
    tools: dict[str, int]
    outcomes: dict[str, int]
    """Tool outcomes: ok, error, denied, timeout, interrupted."""
    prompt_tokens: int
    completion_tokens: int
    retries: int
    tampering: int
    policy_s: float
    tool_s: float
    grade_s: float


@attrs.frozen(kw_only=True)
class RunMetrics:
    """A run of episodes."""

    episodes: int
    graded: int
    passed: int
    pass_rate: float | None
    """Of the graded ones."""
    reasons: dict[str, int]
    tools: dict[str, int]
    outcomes: dict[str, int]
    turns_mean: float
    turns_median: float
    prompt_tokens: int
    completion_tokens: int
    retries: int
    tampering: int
    tasks: dict[str, str]
    """Task → `passed/graded`."""


def episode_metrics(events: Sequence[Event]) -> EpisodeMetrics:
    """Raises ValueError when the first event is not EpisodeStarted."""
    if not events or not isinstance(events[0], EpisodeStarted):
        raise ValueError("an episode begins with EpisodeStarted")
    header, last = events[0], events[-1]
    turns = [event for event in events if isinstance(event, ModelTurn)]
    results = [event for event in events if isinstance(event, ToolResult)]
    grade = grade_of(events)
    return EpisodeMetrics(
        task=header.task,
        sample=header.sample,
        attempt=header.attempt,
        policy=header.policy,
        reason=last.reason if isinstance(last, Done) else "unfinished",
        passed=None if grade is None else passed(grade),
        turns=len(turns),
        test_runs=sum(isinstance(event, TestRun) and event.purpose == "agent" for event in events),
        tools=_counted(event.tool for event in events if isinstance(event, ToolCall)),
        outcomes=_counted(result.outcome for result in results),
        prompt_tokens=sum(turn.usage.prompt_tokens for turn in turns),
        completion_tokens=sum(turn.usage.completion_tokens for turn in turns),
        retries=sum(turn.retries for turn in turns),
        tampering=len(grade.tampering) if grade else 0,
        policy_s=sum(turn.latency_s or 0.0 for turn in turns),
        tool_s=sum(result.latency_s or 0.0 for result in results),
        grade_s=(grade.latency_s or 0.0) if grade else 0.0,
    )


def run_metrics(episodes: Sequence[EpisodeMetrics]) -> RunMetrics:
    """The sum of a run."""
    graded = [episode for episode in episodes if episode.passed is not None]
    won = [episode for episode in graded if episode.passed]
    turns = [episode.turns for episode in episodes]
    tasks = {}
    for task in sorted({episode.task for episode in graded}):
        mine = [episode for episode in graded if episode.task == task]
        tasks[task] = f"{sum(bool(episode.passed) for episode in mine)}/{len(mine)}"
    return RunMetrics(
        episodes=len(episodes),
        graded=len(graded),
        passed=len(won),
        pass_rate=len(won) / len(graded) if graded else None,
        reasons=_counted(episode.reason for episode in episodes),
        tools=_summed(episode.tools for episode in episodes),
        outcomes=_summed(episode.outcomes for episode in episodes),
        turns_mean=fmean(turns) if turns else 0.0,
        turns_median=float(median(turns)) if turns else 0.0,
        prompt_tokens=sum(episode.prompt_tokens for episode in episodes),
        completion_tokens=sum(episode.completion_tokens for episode in episodes),
        retries=sum(episode.retries for episode in episodes),
        tampering=sum(episode.tampering for episode in episodes),
        tasks=tasks,
    )


def _counted(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items()))


def _summed(counts: Iterable[dict[str, int]]) -> dict[str, int]:
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return dict(sorted(total.items()))
