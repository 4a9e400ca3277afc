"""A step's sum as named numbers, for curves. A name means the same in every run and is never given another meaning."""

from __future__ import annotations

from typing import get_args

import attrs

from coding_agent.events.schema import DoneReason, ToolOutcome
from coding_agent.projections.reward import MASKED
from coding_agent.projections.steps import StepMetrics

PREFIX = "coding_agent/"


def step_scalars(step: StepMetrics) -> dict[str, float]:
    """Sorted by name. What never happened is 0; what is not known is left out."""
    run, drift = step.run, step.drift
    tokens = run.prompt_tokens + run.completion_tokens
    found: dict[str, float | None] = {
        "episodes": run.episodes,
        "pass_rate": run.pass_rate,
        "reward": step.reward_mean,
        "turns/mean": run.turns_mean,
        "turns/max": step.turns_max,
        "turns/truncated": step.truncated,
        "tools/error_rate": step.tool_error_rate,
        "retries/requests": run.retries,
        "retries/episodes": step.attempts,
        "straggler": step.straggler,
        "models_busy": step.models_busy,
        "drift/rate": drift.rate,
        "drift/reply": drift.reply,
        "drift/history": drift.history,
        "drift/redacted": drift.redacted,
        "tokens/prompt": run.prompt_tokens,
        "tokens/completion": run.completion_tokens,
        "tokens/sampled_share": run.completion_tokens / tokens if tokens else None,
        "tokens/per_solved_task": step.tokens_per_solved_task,
        "tampering": run.tampering,
        "only_visible": step.only_visible,
        "solved_tasks": step.solved_tasks,
        "masked": sum(step.masked.values()),
    }
    found |= {f"masked/{reason}": step.masked.get(reason, 0) for reason in {*MASKED, *step.masked}}
    found |= {f"ended/{reason}": run.reasons.get(reason, 0) for reason in {*get_args(DoneReason), *run.reasons}}
    found |= {f"tools/{outcome}": run.outcomes.get(outcome, 0) for outcome in get_args(ToolOutcome)}
    found |= {f"reward/{part}": mean for part, mean in step.parts.items()}
    found |= {f"groups/{kind}": count for kind, count in attrs.asdict(step.groups).items()}
    for stage, each in step.latency_s.items():
        found |= {f"latency_s/{stage}/{name}": getattr(each, name) for name in ("p50", "p95", "max")}
    for lane, use in step.lanes.items():
        found |= {f"lanes/{lane}/{name}": getattr(use, name) for name in ("busy", "busy_most", "queued", "queued_most")}
        found |= {f"lanes/{lane}/queued_s/{name}": getattr(use.queued_s, name) for name in ("p50", "p95", "max")}
    return {PREFIX + name: float(value) for name, value in sorted(found.items()) if value is not None}
