"""The hooks as AReno gets them: by their paths, through its own loaders. Imports AReno only when it is asked."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import coding_agent.areno

HOOKS = Path(coding_agent.areno.__file__).parent


@functools.cache
def reward_hook() -> Callable[[Any], float]:
    from areno.api.rewards import load_reward_fn

    hook: Callable[[Any], float] = load_reward_fn(str(HOOKS / "reward.py"))
    return hook


def reward_record(source: dict[str, Any]) -> Any:
    """AReno's own, of a sample whose dataset record this is."""
    from areno.api.rewards import RewardRecord

    return RewardRecord(prompt="", completion="", source_record=source)
