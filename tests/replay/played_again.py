"""A recorded episode played once more: its own policy's replies, our loop, tools and grading, a real sandbox."""

from __future__ import annotations

import functools
import tempfile
from itertools import zip_longest
from pathlib import Path

import anyio

from coding_agent.events.codec import semantic
from coding_agent.events.schema import EpisodeStarted, ModelTurn
from coding_agent.policies.recorded import RecordedPolicy
from coding_agent.rollout.scheduler import Job
from coding_agent.store.reader import read_events
from tests.rollout.worlds import TASK, roll_out


def difference(log: str) -> str | None:
    """Where today's episode is not the recorded one (of the toy task); None: nowhere but in what the run itself was."""
    events = read_events(Path(log))
    header = events[0]
    assert isinstance(header, EpisodeStarted)
    turns = [event for event in events if isinstance(event, ModelTurn)]
    policy = RecordedPolicy.of(turns, header.policy, privileged=header.privileged)
    job = Job(task=TASK, policy=policy, sample=header.sample, limits=header.limits, seed=header.seed)
    with tempfile.TemporaryDirectory() as folder:
        (outcome,) = anyio.run(functools.partial(roll_out, Path(folder) / "run", [job]))
        again = read_events(outcome.path)
    opening = again[0]
    assert isinstance(opening, EpisodeStarted)
    if (opening.messages, opening.tools, opening.tree) != (header.messages, header.tools, header.tree):
        return "event 0"
    for seq, (recorded, played) in enumerate(zip_longest(events[1:], again[1:]), 1):
        then, now = (None if event is None else semantic(event) for event in (recorded, played))
        if then != now or type(recorded) is not type(played):
            return f"event {seq}"
    return None
