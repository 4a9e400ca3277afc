"""A run step by step, for people: several narrow tables with a line per step. `--json` has every figure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from rich.table import Table

from coding_agent.projections.lanes import LANES, LaneUse
from coding_agent.projections.spread import Spread
from coding_agent.projections.steps import STAGES, StepMetrics

Column = tuple[str, Callable[[StepMetrics], str]]


def step_tables(steps: Sequence[StepMetrics]) -> list[Table]:
    """Columns of what never happened in any step are left out."""
    return [
        _table("how episodes ended", [*OUTCOMES, *_counted(steps, lambda step: step.run.reasons)], steps),
        _table("what they did", WORK, steps),
        _table("what can be learnt from them", [*GROUPS, *_counted(steps, _masked)], steps),
        _table("reward, and means of its parts", [REWARD, *_parts(steps)], steps),
        _table("seconds: p50 p95 max", _stages(steps), steps),
        _table("places taken and queued for: mean, most", _lanes(steps), steps),
        _table("what they cost", COST, steps),
    ]


def _table(title: str, columns: Iterable[Column], steps: Sequence[StepMetrics]) -> Table:
    shown = list(columns)
    table = Table(box=None, title=title, title_justify="left")
    table.add_column("step", justify="right")
    for name, _ in shown:
        table.add_column(name, justify="right")
    for step in steps:
        table.add_row("-" if step.step is None else str(step.step), *(value(step) for _, value in shown))
    return table


def _counted(steps: Sequence[StepMetrics], counts: Callable[[StepMetrics], dict[str, int]]) -> list[Column]:
    def column(name: str) -> Column:
        return name, lambda step: str(counts(step).get(name, 0))

    return [column(name) for name in sorted({name for step in steps for name in counts(step)})]


def _masked(step: StepMetrics) -> dict[str, int]:
    return {f"masked: {reason}": count for reason, count in step.masked.items()}


def _parts(steps: Sequence[StepMetrics]) -> list[Column]:
    def column(name: str) -> Column:
        return name, lambda step: _number(step.parts.get(name))

    return [column(name) for name in sorted({name for step in steps for name in step.parts})]


def _stages(steps: Sequence[StepMetrics]) -> list[Column]:
    def column(stage: str) -> Column:
        return stage.replace("_", "-"), lambda step: _seconds(step.latency_s.get(stage))

    return [column(stage) for stage in STAGES if any(stage in step.latency_s for step in steps)]


def _lanes(steps: Sequence[StepMetrics]) -> list[Column]:
    def columns(lane: str) -> list[Column]:
        return [
            (lane, lambda step: _two(step.lanes.get(lane), "busy")),
            ("queue", lambda step: _two(step.lanes.get(lane), "queued")),
            ("seconds in it", lambda step: _seconds(step.lanes[lane].queued_s if lane in step.lanes else None)),
        ]

    return [column for lane in LANES if any(lane in step.lanes for step in steps) for column in columns(lane)]


def _two(use: LaneUse | None, name: str) -> str:
    return "-" if use is None else f"{getattr(use, name):.2f} {getattr(use, f'{name}_most')}"


def _seconds(spread: Spread | None) -> str:
    return "-" if spread is None else f"{spread.p50:.2f} {spread.p95:.2f} {spread.max:.2f}"


def _share(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}"


OUTCOMES: list[Column] = [
    ("episodes", lambda step: str(step.run.episodes)),
    ("passed", lambda step: str(step.run.passed)),
    ("only visible", lambda step: str(step.only_visible)),
    ("begun again", lambda step: str(step.attempts)),
]
WORK: list[Column] = [
    ("turns", lambda step: f"{step.run.turns_mean:.1f}"),
    ("most", lambda step: str(step.turns_max)),
    ("cut", lambda step: str(step.truncated)),
    ("tool errors", lambda step: _share(step.tool_error_rate)),
    ("retries", lambda step: str(step.run.retries)),
    ("tampering", lambda step: str(step.run.tampering)),
]
GROUPS: list[Column] = [
    ("mixed", lambda step: str(step.groups.mixed)),
    ("all pass", lambda step: str(step.groups.all_pass)),
    ("all fail", lambda step: str(step.groups.all_fail)),
    ("ungraded", lambda step: str(step.groups.ungraded)),
    ("masked", lambda step: str(step.groups.masked)),
    ("zero variance", lambda step: str(step.groups.zero_variance)),
    ("drift", lambda step: _share(step.drift.rate)),
    ("reply", lambda step: str(step.drift.reply)),
    ("history", lambda step: str(step.drift.history)),
    ("redacted", lambda step: str(step.drift.redacted)),
]
REWARD: Column = ("reward", lambda step: _number(step.reward_mean))
COST: list[Column] = [
    ("prompt tokens", lambda step: str(step.run.prompt_tokens)),
    ("sampled", lambda step: str(step.run.completion_tokens)),
    ("per solved task", lambda step: _number(step.tokens_per_solved_task)),
    ("models busy", lambda step: _number(step.models_busy)),
    ("slowest / p50", lambda step: _number(step.straggler)),
    ("slowest", lambda step: step.slowest or "-"),
]
