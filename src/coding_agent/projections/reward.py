"""Rewards: pure functions of events. No reward ever runs code; the grade was recorded when the log was written.

The default is binary: 1.0 if every expected test was seen to pass, else 0.0. Signals of quality are parts: they are
always reported, and count only as far as explicit weights say. An episode that the infrastructure ended has no reward;
one that the agent itself brought to an end that nobody can grade is not solved, or it would pay to end it so.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import attrs

from coding_agent.events.schema import Done, Event, Stopped, TestRun, ToolResult
from coding_agent.events.verdict import disbelief, grade_of, passed, unmet
from coding_agent.projections.patch import ReadBlob, Side, file_diffs

MASKED = frozenset({"infra_error", "policy_error", "cancelled"})
"""Reasons for which nobody may learn from the outcome."""
AGENTS_STAGES = frozenset({"tool", "grade"})
"""Where a `policy_error` is about what the agent did, and not about a policy that could not answer."""
GRAIN = 1024
"""Rewards are rounded to 1/1024, and to `DIGITS` binary digits: trainers take the mean of a group in 32 bits."""
DIGITS = 14
"""With so many, every sum of up to 1,024 equal rewards has the 24 that 32 bits hold, and their mean is exact."""
LARGEST = 1e6
"""No reward is larger: its square, summed over a group, must be finite in 32 bits. A larger one is masked."""


@attrs.frozen(kw_only=True)
class Reward:
    """What an episode was worth. `value` None: masked, it must not be trained on."""

    value: float | None
    parts: dict[str, float]
    explanation: str
    failed: bool = False
    """Masked because it could not be told: the explanation says why."""


def reward(events: Sequence[Event], read_blob: ReadBlob, weights: Mapping[str, float] | None = None) -> Reward:
    """The default reward plus `weights` times the parts. Raises KeyError for a weight without a part."""
    measured = parts(events, read_blob)
    last = events[-1] if events else None
    if not isinstance(last, Done):
        return Reward(value=None, parts=measured, explanation="masked: the episode has not ended")
    grade = grade_of(events)
    undone = own_doing(events)
    if undone is None and (last.reason in MASKED or grade is None):
        return Reward(value=None, parts=measured, explanation=f"masked: {last.reason}")
    base = 1.0 if undone is None and grade is not None and passed(grade) else 0.0
    total = base + sum(weight * measured[name] for name, weight in (weights or {}).items())
    if not abs(total) <= LARGEST:
        found = f"masked: the reward is {total:g}, expected at most {LARGEST:g} either way; lower the weights"
        return Reward(value=None, parts=measured, explanation=found, failed=True)
    return Reward(value=grained(total), parts=measured, explanation=undone or _explain(grade, last))


def grained(value: float) -> float:
    """`value`, which is finite, as a trainer gets it."""
    digits, exponent = math.frexp(round(value * GRAIN) / GRAIN)
    return math.ldexp(round(math.ldexp(digits, DIGITS)), exponent - DIGITS)


def parts(events: Sequence[Event], read_blob: ReadBlob) -> dict[str, float]:
    """Signals of quality, each a number that means the same for every task."""
    diffs = file_diffs(events, read_blob)
    grade = grade_of(events)
    added, removed = _lines_changed([(diff.old, diff.new) for diff in diffs])
    touched = {c.path for e in events if isinstance(e, ToolResult) and e.changes for c in e.changes.files}
    expected = len(grade.expected) if grade else 0
    return {
        "tests_passed": (expected - len(unmet(grade))) / expected if grade and expected else 0.0,
        "files_changed": float(len(diffs)),
        "lines_added": float(added),
        "lines_removed": float(removed),
        "files_reverted": float(len(touched - {diff.path for diff in diffs})),
        "tampering": float(len(grade.tampering)) if grade else 0.0,
    }


def own_doing(events: Sequence[Event]) -> str | None:
    """How the agent ended its own episode, if it did: with work that no log can hold, or that can not be graded."""
    stops = [event for event in events if isinstance(event, Stopped)]
    if [stop.cause for stop in stops[:1]] != ["policy_error"] or any(stop.cause == "infra_error" for stop in stops):
        return None
    return f"policy_error: {stops[0].detail}" if stops[0].stage in AGENTS_STAGES else None


def _explain(grade: TestRun | None, done: Done) -> str:
    if grade is None:
        return f"{done.reason}: not graded"
    if passed(grade):
        return f"{done.reason}: all {len(grade.expected)} expected tests passed"
    missing = unmet(grade)
    if not missing:
        return f"{done.reason}: {disbelief(grade) or 'nothing was expected'}"
    more = f" and {len(missing) - 1} more" if len(missing) > 1 else ""
    return f"{done.reason}: {missing[0]} did not pass{more} (of {len(grade.expected)})"


def _lines_changed(sides: Sequence[tuple[Side | None, Side | None]]) -> tuple[int, int]:
    added = removed = 0
    for old, new in sides:
        before = (old.data if old else b"").split(b"\n")
        after = (new.data if new else b"").split(b"\n")
        start = 0
        while start < min(len(before), len(after)) and before[start] == after[start]:
            start += 1
        end = 0
        while end < min(len(before), len(after)) - start and before[-1 - end] == after[-1 - end]:
            end += 1
        added, removed = added + len(after) - start - end, removed + len(before) - start - end
    return added, removed
