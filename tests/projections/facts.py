"""Facts of episodes for the sums of steps: made by hand, and drawn."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

import attrs
from hypothesis import strategies as st

from coding_agent.events.schema import Done, EpisodeStarted, Event, TestRun
from coding_agent.projections.reward import reward
from coding_agent.projections.steps import EpisodeFacts, episode_facts
from tests.samples import GRADE, no_blob, toy_episode

FAILED = attrs.evolve(GRADE, outcomes={"tests/test_a.py::test_x": "failed"})


def at(*seconds: float) -> list[str]:
    start = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)
    return [(start + dt.timedelta(seconds=each)).strftime("%Y-%m-%dT%H:%M:%S.%fZ") for each in seconds]


def evolved(events: Sequence[Event], **first: object) -> list[Event]:
    """The episode with another first event."""
    header, *rest = events
    assert isinstance(header, EpisodeStarted)
    return [attrs.evolve(header, **first), *rest]  # type: ignore[arg-type]


def ended(*, solved: bool | None, reason: str = "submitted") -> list[Event]:
    """The toy episode with another end; `solved` None: not graded."""
    *events, grade, done = toy_episode()
    assert isinstance(grade, TestRun)
    assert isinstance(done, Done)
    graded = [] if solved is None else [grade if solved else FAILED]
    return [*events, *graded, attrs.evolve(done, reason=reason)]  # type: ignore[arg-type]


def facts_of(
    events: Sequence[Event], *, step: int | None = 0, group: str = "0/0", task: str = "toy", sample: int = 0,
    times: Sequence[str] = (),
) -> EpisodeFacts:  # fmt: skip
    events = evolved(events, step=step, group=group, task=task, sample=sample)
    return episode_facts(events, reward(events, no_blob), times)


@st.composite
def any_facts(draw: st.DrawFn) -> EpisodeFacts:
    solved = draw(st.sampled_from([True, False, None]))
    reason = "infra_error" if solved is None else draw(st.sampled_from(["submitted", "turn_limit", "cancelled"]))
    step, number = draw(st.none() | st.integers(0, 2)), draw(st.integers(0, 2))
    began = draw(st.floats(0, 60))
    times = at(*(began + draw(st.floats(0, 5)) * index for index in range(len(ended(solved=solved)))))
    group, task = f"{step}/{number}", f"toy-{number}"
    return facts_of(
        ended(solved=solved, reason=reason), step=step, group=group, task=task, sample=draw(st.integers(0, 3)),
        times=draw(st.sampled_from([(), sorted(times)])),
    )  # fmt: skip
