"""One recorded episode for a test of one's own: its events, and what the projections make of them."""

from __future__ import annotations

from pathlib import Path

import attrs

from coding_agent.events.schema import Event
from coding_agent.events.values import Message
from coding_agent.projections.conversation import conversation
from coding_agent.projections.metrics import EpisodeMetrics, episode_metrics
from coding_agent.projections.patch import patch
from coding_agent.projections.reward import Reward, reward
from coding_agent.projections.trajectory import Trajectory, trajectory
from coding_agent.projections.transcript import Block, transcript
from coding_agent.replay.golden import diverged
from coding_agent.replay.sealed import Replay, replay_log
from coding_agent.store.reader import read_events
from coding_agent.store.rundir import blobs_of


@attrs.frozen(kw_only=True)
class RecordedEpisode:
    """An intact log that today's code derives."""

    path: Path
    events: tuple[Event, ...]
    replay: Replay

    @property
    def conversation(self) -> tuple[Message, ...]:
        return conversation(self.events)

    @property
    def trajectory(self) -> Trajectory:
        return trajectory(self.events)

    @property
    def reward(self) -> Reward:
        return reward(self.events, blobs_of(self.path).get)

    @property
    def patch(self) -> str:
        return patch(self.events, blobs_of(self.path).get)

    @property
    def metrics(self) -> EpisodeMetrics:
        return episode_metrics(self.events)

    @property
    def transcript(self) -> tuple[Block, ...]:
        return transcript(self.events, full=True)


def load_recorded(path: str | Path) -> RecordedEpisode:
    """Raises StoreError for a log that is not intact, AssertionError when today's code does not derive it."""
    file = Path(path)
    replay = replay_log(file)
    assert replay.divergence is None, diverged(file, replay)
    return RecordedEpisode(path=file, events=read_events(file), replay=replay)
