"""A user's own reward function, from a Python file."""

from __future__ import annotations

import importlib.util
import inspect
import math
from collections.abc import Callable, Sequence
from pathlib import Path

from coding_agent.errors import UsageError
from coding_agent.events.schema import Event
from coding_agent.projections.patch import ReadBlob
from coding_agent.projections.reward import Reward, parts

RewardFunction = Callable[[Sequence[Event]], Reward | float | None]


def load_reward(source: str) -> RewardFunction:
    """The function that `FILE[:FN]` names. Raises UsageError saying what is wrong with it."""
    file, _, name = source.partition(":")
    name = name or "reward"
    spec = importlib.util.spec_from_file_location("coding_agent_user_reward", file)
    if not Path(file).is_file() or spec is None or spec.loader is None:
        raise UsageError(f"--reward {source}: {file} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise UsageError(f"--reward {source}: {file} failed to load: {type(error).__name__}: {error}") from error
    function = getattr(module, name, None)
    if not callable(function):
        known = [key for key, value in vars(module).items() if inspect.isfunction(value)]
        raise UsageError(f"--reward {source}: no function {name!r} in {file}; it has: {', '.join(known) or 'none'}")
    result: RewardFunction = function
    return result


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
