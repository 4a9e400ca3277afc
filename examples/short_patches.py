"""A reward of one's own: solved, and the less was changed the better. Try: coding-agent score RUN --reward THIS_FILE"""

from __future__ import annotations

from collections.abc import Sequence

from coding_agent.events.schema import Event
from coding_agent.projections.patch import patch
from coding_agent.projections.reward import reward as default_reward


def no_blob(name: str) -> bytes:
    raise LookupError(f"blob {name}: this reward looks at small files only")


def reward(events: Sequence[Event]) -> float | None:
    """1 for a solution of one line, 0.5 for one of fifty, 0 for none; None (masked) stays None."""
    base = default_reward(events, no_blob).value
    if not base:
        return base
    lines = sum(line.startswith(("+", "-")) for line in patch(events, no_blob).splitlines())
    return base / (1 + lines / 50)
