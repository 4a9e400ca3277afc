"""How a reward finds its log: an explicit entry in the record of each sample, written by `run_agent`, read here."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs
import structlog

from coding_agent.areno.config import ArenoConfig
from coding_agent.areno.logs import log_to_stderr
from coding_agent.errors import LogDamaged, UsageError
from coding_agent.evaluation.reward_file import custom_reward, load_reward, unscored
from coding_agent.events.schema import Event
from coding_agent.projections.patch import ReadBlob
from coding_agent.projections.reward import LARGEST, Reward, reward
from coding_agent.store.reader import read_decoded
from coding_agent.store.rundir import blobs_of

KEY = "coding_agent"
"""The record's entry that is ours."""
NO_SIGNAL = 0.0
"""What every sample of a group gets that nobody may learn from: equal rewards have advantage 0."""
_log = structlog.get_logger("coding_agent.areno")


@attrs.frozen(kw_only=True)
class Verdict:
    """What `run_agent` found out about one sample."""

    log: str
    head: str
    """The chain of the log's last line: another log, or a changed one, is noticed."""
    masked: bool
    """The whole group carries no learning signal."""
    neutral: float
    """The mean of the group's other rewards: what the sample gets if its log can no longer be read."""


def score(record: Any) -> float:
    """The reward of an AReno `RewardRecord`: finite, and never an exception, as either would end the training run."""
    log_to_stderr()
    try:
        found = record.source_record[KEY]
        config = ArenoConfig.from_json(found["config"])
        verdict = Verdict(**found["verdict"])
    except Exception as error:  # noqa: BLE001  AReno ends the training run over any exception
        # Whose record this is, nobody can say, and a guess would be a forged reward.
        _log.exception("this record has no verdict: is --agent-fn coding-agent's own?", error=repr(error))
        return NO_SIGNAL
    if verdict.masked:
        return NO_SIGNAL
    try:
        events = read_sealed(Path(verdict.log), verdict.head)
        found = worth(config, events, blobs_of(Path(verdict.log)).get)
        value = found.value
        if value is None or not abs(value) <= LARGEST:
            raise ValueError(f"the reward is {value}: {found.explanation}")  # noqa: TRY301  one place tells of it
    except Exception as error:  # noqa: BLE001  as above
        _log.exception("a reward can not be read, the sample gets its group's mean", log=verdict.log, error=repr(error))
        return verdict.neutral if math.isfinite(verdict.neutral) else NO_SIGNAL
    return value


def worth(config: ArenoConfig, events: Sequence[Event], read_blob: ReadBlob) -> Reward:
    """The reward that the configuration asks for; masked, with the reason, where the user's own can not be had."""
    if config.reward is None:
        return reward(events, read_blob, config.weights)
    try:
        function = _function(config.reward)
    except UsageError as error:
        return unscored(events, read_blob, str(error))
    return custom_reward(function, events, read_blob)


def read_sealed(log: Path, head: str) -> tuple[Event, ...]:
    """A log's events. Raises StoreError, and LogDamaged when it does not end in the chain `head`."""
    records = list(read_decoded(log))
    if not records or records[-1].record.chain != head:
        raise LogDamaged(str(log), f"expected a log that ends in chain {head[:12]}")
    return tuple(each.event for each in records)


@functools.cache
def _function(source: str) -> Callable[[Sequence[Event]], Reward | float | None]:
    return load_reward(source, option="reward")


def with_verdict(record: Mapping[str, Any], verdict: Verdict) -> dict[str, Any]:
    """A record of its own for one sample: AReno shares one among all samples of a prompt."""
    return {**record, KEY: {**record[KEY], "verdict": attrs.asdict(verdict)}}
