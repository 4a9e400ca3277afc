"""A user's own reward function, from a Python file."""

from __future__ import annotations

import math
import numbers
from collections.abc import Callable, Sequence
from typing import TypeGuard

import attrs

from coding_agent.evaluation.user_file import load_function, told
from coding_agent.events.schema import Event
from coding_agent.projections.patch import ReadBlob
from coding_agent.projections.reward import LARGEST, Reward, grained, parts

EXCERPT = 200
"""Characters of a value that is no reward which are shown."""
RewardFunction = Callable[[Sequence[Event]], Reward | float | None]


def load_reward(source: str, *, option: str = "--reward") -> RewardFunction:
    """The function that `FILE[:FN]` names, as `option` gives it. Raises UsageError saying what is wrong with it."""
    return load_function(option, source, "reward")


def custom_reward(function: RewardFunction, events: Sequence[Event], read_blob: ReadBlob) -> Reward:
    """What the function says of an episode; masked, with the reason, where it says nothing that counts."""
    try:
        worth = function(events)
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # noqa: BLE001  `pytest.fail` and `sys.exit`, too, are this file's failures
        return unscored(events, read_blob, f"the reward function failed: {told(error, _file_of(function))}")
    if isinstance(worth, Reward):
        if not (_is_reward_or_none(worth.value) and _are_parts(worth.parts) and isinstance(worth.explanation, str)):
            expected = "finite numbers in it, and text as its explanation"
            return unscored(events, read_blob, f"the reward function returned {_shown(worth)}; expected {expected}")
        return attrs.evolve(worth, value=None if worth.value is None else grained(float(worth.value)))
    if not _is_reward_or_none(worth):
        expected = f"a finite number of at most {LARGEST:g} either way, or None"
        is_bool = type(worth).__name__ in {"bool", "bool_"}
        remedy = "; return 1.0 for true and 0.0 for false, as float(…) does" if is_bool else ""
        return unscored(events, read_blob, f"the reward function returned {_shown(worth)}; expected {expected}{remedy}")
    name = getattr(function, "__name__", "reward")
    value = None if worth is None else grained(float(worth))
    return Reward(value=value, parts=parts(events, read_blob), explanation=f"by {name}")


def unscored(events: Sequence[Event], read_blob: ReadBlob, why: str) -> Reward:
    """An episode that could not be judged: masked, as nobody may learn from it."""
    return Reward(value=None, parts=parts(events, read_blob), explanation=f"masked: {why}", failed=True)


def _file_of(function: RewardFunction) -> str | None:
    code = getattr(function, "__code__", None)
    return None if code is None else code.co_filename


def _shown(worth: object) -> str:
    try:
        text = repr(worth).replace("\n", " ")
    except Exception as error:  # noqa: BLE001  the user's own, or an integer of more digits than Python prints
        return f"a value of type {type(worth).__name__} that can not be shown ({told(error)})"
    return text if len(text) <= EXCERPT else f"{text[:EXCERPT]}…"


def _is_number(worth: object) -> bool:
    try:
        return not isinstance(worth, bool) and isinstance(worth, numbers.Real) and math.isfinite(float(worth))
    except Exception:  # noqa: BLE001  an integer that no float holds, or a number of the user's own that fails
        return False


def _is_reward_or_none(worth: object) -> TypeGuard[float | None]:
    return worth is None or (isinstance(worth, numbers.Real) and _is_number(worth) and abs(float(worth)) <= LARGEST)


def _are_parts(value: object) -> bool:
    return isinstance(value, dict) and all(isinstance(key, str) and _is_number(part) for key, part in value.items())
