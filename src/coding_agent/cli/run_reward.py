"""The reward that a run is judged by."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from coding_agent.areno import reward_source
from coding_agent.areno.config import ArenoConfig
from coding_agent.areno.verdict import worth
from coding_agent.cli.output import err
from coding_agent.evaluation.reward_file import load_reward
from coding_agent.evaluation.step_logs import Score
from coding_agent.projections.reward import reward
from coding_agent.store.rundir import RunDirectory, run_of


def training_config(place: Path) -> ArenoConfig | None:
    """What the training run was set up with that this is, or is a log of; None for anything else. Raises UsageError."""
    told = _told(place)
    if told is None:
        return None
    return ArenoConfig.from_json({name: value for name, value in told.items() if name != reward_source.KEY})


def score_of(place: Path) -> Score:
    """The reward that the run was trained on, else the default one. What speaks against it is told on stderr."""
    config = training_config(place)
    if config is None:
        return reward
    if (problem := reward_source.changed(_told(place) or {})) is not None:
        err.print(problem, markup=False)
    return functools.partial(worth, config)


def check_reward(place: Path) -> None:
    """Raises UsageError when the file of the run's own reward is gone, or no longer has the function."""
    config = training_config(place)
    if config is not None and config.reward is not None:
        load_reward(config.reward, option="reward")


def _told(place: Path) -> Mapping[str, Any] | None:
    run = place if (place / "run.toml").is_file() else run_of(place)
    return None if run is None else RunDirectory.open(run).configuration.get("areno")
