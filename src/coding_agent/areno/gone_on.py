"""What a training run that is gone on with must keep: one reading of its logs, and a number for each step."""

from __future__ import annotations

import contextlib

import attrs

from coding_agent.areno.config import ArenoConfig
from coding_agent.errors import StoreError, UsageError
from coding_agent.events.schema import EpisodeStarted
from coding_agent.store.manifest import read_manifest
from coding_agent.store.reader import read_decoded
from coding_agent.store.rundir import RunDirectory

READING = ("reward", "weights", "trainable", "drift")
"""The options by which rewards and rows are made of logs. `run.toml` has one value of each, for all steps of a run."""
ELSEWHERE = "give another run_dir"


def refuse_another_reading(run: RunDirectory, config: ArenoConfig) -> None:
    """Raises UsageError for an option that would make other rows of the logs than `run.toml` does; StoreError."""
    told = run.configuration.get("areno")
    if not isinstance(told, dict):
        raise UsageError(
            f"run_dir: expected a training run, found {run.path}, whose run.toml has no [areno]: another command "
            f"began it, and its logs would be read with other options than it was trained with; {ELSEWHERE}"
        )
    plain = attrs.asdict(ArenoConfig())
    values = [(name, told.get(name, plain[name]), getattr(config, name)) for name in READING]
    other = [f"{name}: {run.path}/run.toml says {said!r}, given is {given!r}"
             for name, said, given in values if said != given]  # fmt: skip
    if other:
        raise UsageError(
            f"{'; '.join(other)}: the rewards and rows of all steps of a run are made of its logs by one set of these "
            f"options; {ELSEWHERE}, or the same options"
        )


def next_step(run: RunDirectory) -> int:
    """One more than the highest step that anything was played for, finished or not: no number stands for two steps."""
    entries = list(read_manifest(run.path / "manifest.jsonl"))
    named = {run.path / entry.path for entry in entries}
    steps = [entry.step for entry in entries]
    for log in run.logs():
        if log not in named:
            # Who can not be read by now is told of by `verify`.
            with contextlib.suppress(StoreError):
                first = next(iter(read_decoded(log)), None)
                steps.append(first.event.step if first and isinstance(first.event, EpisodeStarted) else None)
    return 1 + max((step for step in steps if step is not None), default=-1)
