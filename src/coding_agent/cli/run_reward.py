"""The reward that a run is judged by."""

from __future__ import annotations

import functools
from pathlib import Path

from coding_agent.areno.config import ArenoConfig
from coding_agent.areno.verdict import worth
from coding_agent.evaluation.reward_file import load_reward
from coding_agent.evaluation.step_logs import Score
from coding_agent.projections.reward import reward
from coding_agent.store.rundir import RunDirectory


def training_config(directory: Path) -> ArenoConfig | None:
    """What a training run was set up with; None for anything else. Raises UsageError."""
    if not (directory / "run.toml").is_file():
        return None
    told = RunDirectory.open(directory).configuration.get("areno")
    return None if told is None else ArenoConfig.from_json(told)


def score_of(directory: Path) -> Score:
    """The reward that the run was trained on, else the default one. Raises UsageError when its file is gone."""
    config = training_config(directory)
    if config is None:
        return reward
    if config.reward is not None:
        load_reward(config.reward)
    return functools.partial(worth, config)
