"""A user's own reward function, from a Python file."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from coding_agent.errors import UsageError
from coding_agent.evaluation.user_file import load_function
from coding_agent.events.schema import Event
from coding_agent.projections.patch import ReadBlob
from coding_agent.projections.reward import Reward, parts

RewardFunction = Callable[[Sequence[Event]], Reward | float | None]


def load_reward(source: str) -> RewardFunction:
    """The function that `FILE[:FN]` names. Raises UsageError saying what is wrong with it."""
    return load_function("--reward", source, "reward")


def custom_reward(function: RewardFunction, events: Sequence[Event], read_blob: ReadBlob, *, place: str) -> Reward:
    """What the function says of an episode. Raises UsageError, naming `place`, when it says nothing that counts."""
    try:
        worth = function(events)
    except Exception as error:
        message = f"the reward function raised {type(error).__name__} on {place}: {error}"
        raise UsageError(message) from error
    if isinstance(worth, Reward):
        return worth
    if worth is not None and not _is_number(worth):
        raise UsageError(f"the reward function returned {worth!r} on {place}; expected a finite number or None")
    name = getattr(function, "__name__", "reward")
    value = None if worth is None else float(worth)
    return Reward(value=value, parts=parts(events, read_blob), explanation=f"by {name}")


def _is_number(worth: object) -> bool:
    return isinstance(worth, int | float) and not isinstance(worth, bool) and math.isfinite(worth)
