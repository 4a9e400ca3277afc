"""Queues and places, read from nothing but the times of events: an episode that can be counted by hand, and laws."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coding_agent.events.schema import Event, ModelTurn, TestRun
from coding_agent.projections.lanes import Interval, Use, lane_uses, most_at_once
from coding_agent.projections.step_scalars import step_scalars
from coding_agent.projections.steps import StepMetrics, by_step
from tests.projections.facts import at, ended, facts_of

TIMES = (0, 6, 6, 8, 12, 12, 13, 20, 20)
"""Of the toy episode: two turns of 3 s and 2 s, graded for 4 s."""
number = st.floats(0, 100)
intervals = st.lists(st.tuples(number, number).map(lambda pair: (min(pair), max(pair))), min_size=1)


def timed() -> list[Event]:
    took = {1: 3.0, 2: 2.0}
    return [
        attrs.evolve(event, latency_s=took[event.turn])
        if isinstance(event, ModelTurn)
        else attrs.evolve(event, latency_s=4.0)
        if isinstance(event, TestRun)
        else event
        for event in ended(solved=True)
    ]


def step(*starts: float) -> StepMetrics:
    episodes = (facts_of(timed(), sample=n, times=at(*(t + start for t in TIMES))) for n, start in enumerate(starts))
    (found,) = by_step(episodes)
    return found


@pytest.mark.parametrize(
    ("lane", "waits", "busy_s"), [("sandbox", [3.0], 10.0), ("model", [0.0, 2.0], 5.0), ("grader", [3.0], 4.0)]
)
def test_what_lies_before_a_request_back_to_the_event_before_is_the_queue(
    lane: str, waits: list[float], busy_s: float
) -> None:
    found = step(0).lanes[lane]
    assert found.queued_s.count == len(waits)
    assert found.queued_s.max == pytest.approx(max(waits))
    assert found.queued == pytest.approx(sum(waits) / 20)
    assert found.busy == pytest.approx(busy_s / 20)


def test_places_that_are_taken_together_are_counted_together() -> None:
    assert [step(0, 0, 0).lanes[lane].busy_most for lane in ("sandbox", "model", "grader")] == [3, 3, 3]
    assert [step(0, 10).lanes[lane].busy_most for lane in ("sandbox", "model", "grader")] == [1, 1, 1]
    assert step(0, 0).lanes["grader"].queued_most == 2


def test_the_model_s_lane_is_as_busy_as_the_models() -> None:
    assert step(0, 7).lanes["model"].busy == pytest.approx(step(0, 7).models_busy)


def test_without_the_times_of_every_episode_nothing_is_said() -> None:
    (found,) = by_step([facts_of(timed(), times=at(*TIMES)), facts_of(timed(), sample=1)])
    assert found.lanes == {}


def test_the_curves_have_every_figure() -> None:
    names = {name for name in step_scalars(step(0)) if "/lanes/model/" in name}
    figures = ("busy", "busy_most", "queued", "queued_most", "queued_s/p50", "queued_s/p95", "queued_s/max")
    assert names == {f"coding_agent/lanes/model/{figure}" for figure in figures}


@given(intervals)
def test_most_at_once_is_what_counting_at_every_beginning_gives(each: list[Interval]) -> None:
    counted = max(sum(start <= now < end for start, end in each) for now, _ in each)
    assert most_at_once(each) == counted


@given(st.lists(st.tuples(number, number, number).map(sorted), min_size=1))
def test_nothing_is_busier_in_the_mean_than_at_most(each: list[list[float]]) -> None:
    found = [Use(lane="model", asked=asked, began=began, ended=end) for asked, began, end in each]
    took_s = max(use.ended for use in found) - min(use.asked for use in found)
    for lane in lane_uses(found, took_s).values():
        assert lane.busy <= lane.busy_most * (1 + 1e-9)
        assert lane.queued <= lane.queued_most * (1 + 1e-9)
        assert (lane.busy + lane.queued) * took_s == pytest.approx(sum(use.ended - use.asked for use in found))
