"""P5, P6 and P7 of a training step: whose rows are trained on, and with which advantage, over generated steps."""

from __future__ import annotations

from random import Random
from statistics import mean, pstdev

import attrs
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coding_agent.events.schema import Done, EpisodeStarted, Event
from coding_agent.exports.areno_rows import ArenoRow, Played, Trained, areno_rows, played, trained
from coding_agent.projections.reward import MASKED
from coding_agent.projections.tokens import (
    trained_turns,
)
from tests.projections.conversations import conversations, recorded
from tests.samples import START, toy_episode


@attrs.frozen
class Attempt:
    """One log of a training run: its events, and what it was worth."""

    events: list[Event]
    reward: float | None

    @property
    def played(self) -> Played:
        tokens = bool(trained_turns(self.events))
        return played(f"{self.header.sample}.{self.header.attempt}", self.events, self.reward, has_tokens=tokens)

    @property
    def header(self) -> EpisodeStarted:
        assert isinstance(self.events[0], EpisodeStarted)
        return self.events[0]

    @property
    def reason(self) -> str:
        assert isinstance(self.events[-1], Done)
        return self.events[-1].reason


DONE = next(event for event in toy_episode() if isinstance(event, Done))
SUBMITTED = st.just("submitted")


@st.composite
def steps(draw: st.DrawFn, last: st.SearchStrategy[str] = SUBMITTED) -> list[Attempt]:
    """A training step's logs, in any order: groups of equal size; each sample ends as `last`, after failed attempts."""
    groups, size = draw(st.integers(1, 2)), draw(st.integers(1, 3))
    found = []
    for sample in range(groups * size):
        reasons = ["infra_error"] * draw(st.integers(0, 2)) + [draw(last)]
        for attempt, reason in enumerate(reasons):
            start = attrs.evolve(START, step=0, group=f"0/{sample // size}", sample=sample, attempt=attempt)
            done = attrs.evolve(DONE, reason=reason)  # type: ignore[arg-type]
            reward = None if reason in MASKED else draw(st.sampled_from([0.0, 0.25, 1.0]))
            found.append(Attempt([*recorded(draw(conversations()), start), done], reward))
    return draw(st.permutations(found))


def rows_by_sample(step: list[Attempt]) -> dict[int, list[ArenoRow]]:
    logs = {each.played.log: each.events for each in step}
    return {each.played.sample: list(areno_rows(logs[each.played.log], each)) for each in chosen(step)}


def chosen(step: list[Attempt]) -> list[Trained]:
    return trained([each.played for each in step])


@given(steps())
def test_p5_an_advantage_is_of_an_episode_among_episodes_whatever_number_of_rows_they_have(step: list[Attempt]) -> None:
    found = rows_by_sample(step)
    rewards = {each.header.sample: each.reward for each in step if each.reward is not None}
    size = sum(each.played.group == "0/0" for each in chosen(step))
    for sample, rows_found in found.items():
        group = [rewards[other] for other in rewards if other // size == sample // size]
        expected = (rewards[sample] - mean(group)) / (pstdev(group) + 1e-8)
        assert rows_found
        assert [row.advantage for row in rows_found] == [pytest.approx(expected)] * len(rows_found)
        assert {row.reward for row in rows_found} == {rewards[sample]}
    assert found.keys() == rewards.keys()


@given(steps(st.sampled_from(["submitted", "turn_limit", "context_limit", "infra_error", "policy_error"])))
def test_p6_only_last_attempts_are_trained_on_and_none_of_a_group_that_failed(step: list[Attempt]) -> None:
    last = {each.header.sample: each for each in sorted(step, key=lambda each: each.header.attempt)}
    failed = {each.header.group for each in last.values() if each.reason in MASKED}
    alive = {sample for sample, each in last.items() if each.header.group not in failed}
    taken = chosen(step)
    assert all(each.played == last[each.played.sample].played for each in taken)
    if alive:
        assert {each.played.sample for each in taken} == alive
    else:
        assert [(each.reward, each.advantage) for each in taken] == [(0.0, 0.0)]


@given(steps(), st.sampled_from([None, "cancelled"]), st.randoms())
def test_p6_nothing_of_a_step_that_was_interrupted_is_trained_on(
    step: list[Attempt], end: str | None, random: Random
) -> None:
    last = {each.header.sample: each for each in sorted(step, key=lambda each: each.header.attempt)}
    each = random.choice(list(last.values()))
    done = [] if end is None else [attrs.evolve(DONE, reason="cancelled")]
    cut = Attempt([*each.events[:-1], *done], None)
    assert chosen([cut if other is each else other for other in step]) == []


@given(steps(), st.randoms())
def test_p7_a_step_is_the_same_bytes_in_whatever_order_its_logs_come(step: list[Attempt], random: Random) -> None:
    def written(attempts: list[Attempt]) -> bytes:
        logs = {each.played.log: each.events for each in attempts}
        found = [row for each in chosen(attempts) for row in areno_rows(logs[each.played.log], each)]
        return orjson.dumps([attrs.asdict(row) for row in found])

    assert written(random.sample(step, len(step))) == written(step)
