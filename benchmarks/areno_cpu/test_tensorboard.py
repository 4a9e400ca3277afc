"""TensorBoard itself reads the curves; here, as it comes with AReno's requirements and not with the tests' own."""

from __future__ import annotations

from pathlib import Path

import attrs
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tests.samples import GRADE, START, no_blob, toy_episode

from coding_agent.areno.config import ArenoConfig
from coding_agent.areno.tensorboard import record_step
from coding_agent.projections.reward import reward
from coding_agent.projections.steps import EpisodeFacts, episode_facts

FAILED = attrs.evolve(GRADE, outcomes={"tests/test_a.py::test_x": "failed"})


def facts_of(step: int, *, solved: bool) -> EpisodeFacts:
    header = attrs.evolve(START, step=step, group=f"{step}/0")
    events = [header, *(FAILED if event is GRADE and not solved else event for event in toy_episode()[1:])]
    return episode_facts(events, reward(events, no_blob))


def test_tensorboard_reads_what_was_written(tmp_path: Path) -> None:
    config = ArenoConfig(tensorboard=str(tmp_path))
    for step in range(3):
        record_step(config, step, [facts_of(step, solved=index < step) for index in range(4)])
    read = EventAccumulator(str(tmp_path / "coding_agent"))
    read.Reload()
    assert [(each.step, each.value) for each in read.Scalars("coding_agent/pass_rate")] == [(0, 0), (1, 0.25), (2, 0.5)]
    assert read.Scalars("coding_agent/groups/mixed")[2].value == 1.0
