"""Sums of training steps: each figure from a case small enough to count, and laws over drawn runs."""

from __future__ import annotations

import math
from random import Random

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coding_agent.events.schema import Event, ModelTurn, Resumed, Stopped, TestRun, ToolResult
from coding_agent.events.tokens import Tail
from coding_agent.events.values import TokenRecord
from coding_agent.projections.clock import clock
from coding_agent.projections.drift import Drift, drift
from coding_agent.projections.spread import spread
from coding_agent.projections.step_scalars import PREFIX, step_scalars
from coding_agent.projections.steps import EpisodeFacts, Groups, StepMetrics, by_step
from coding_agent.projections.tokens import sampled_turns, trained_turns
from tests.projections.conversations import Seen, conversations, recorded
from tests.projections.facts import any_facts, at, ended, facts_of
from tests.samples import GRADE, START, toy_episode, turn

PASSED, FAILED = ended(solved=True), ended(solved=False)
DEAD = ended(solved=None, reason="infra_error")


def only(*episodes: EpisodeFacts, superseded: tuple[EpisodeFacts, ...] = ()) -> StepMetrics:
    (step,) = by_step(episodes, superseded)
    return step


@given(st.lists(st.floats(0, 1e6), min_size=1))
def test_a_spread_is_of_numbers_that_were_measured(values: list[float]) -> None:
    found = spread(values)
    assert found is not None
    assert {found.p50, found.p95, found.max} <= set(values)
    assert found.p50 <= found.p95 <= found.max == max(values)
    assert sum(value <= found.p95 for value in values) >= 0.95 * len(values)
    assert spread(reversed(values)) == found


def test_percentiles_are_by_nearest_rank() -> None:
    found = spread(range(1, 21))
    assert found is not None
    assert (found.count, found.p50, found.p95, found.max, found.tail) == (20, 10, 19, 20, 2.0)


@given(conversations())
def test_a_turn_has_drifted_exactly_where_the_rows_would_fork(seen: list[Seen]) -> None:
    found, turns = drift(recorded(seen)), sampled_turns(recorded(seen))
    assert found.turns == len(seen) - 1
    assert found.reply + found.history == sum(each.lost > 0 for each in turns)
    pairs = zip(turns, turns[1:], strict=False)
    assert found.history == sum(later.lost > len(before.completion) for before, later in pairs)


@given(conversations(), st.data())
def test_a_turn_without_ids_for_a_secret_is_counted_and_the_next_has_drifted(
    seen: list[Seen], data: st.DataObject
) -> None:
    hidden = data.draw(st.lists(st.booleans(), min_size=len(seen), max_size=len(seen)))
    events: list[Event] = [START]
    tail, departed = Tail(), 0
    for number, ((prompt, completion), is_hidden) in enumerate(zip(seen, hidden, strict=True), start=1):
        record = TokenRecord(prompt_ids=prompt, completion_ids=completion, logprobs=(-0.5,) * len(completion))
        tokens = None if is_hidden else tail.compress(record)
        events.append(attrs.evolve(turn(number), tokens=tokens, redacted=int(is_hidden)))
        if not is_hidden:
            departed += (number > 1 and hidden[number - 2]) or prompt[: len(tail.ids)] != tail.ids
        tail = tail.after(events[-1])
    found, turns = drift(events), sampled_turns(events)
    assert (found.redacted, found.reply + found.history) == (sum(hidden), departed)
    assert sum(each.drifted for each in turns) == departed
    assert not any(each.drifted for each in trained_turns(events, drift="cut"))


def test_tokens_that_refer_elsewhere_are_counted_not_raised() -> None:
    first, second = (event for event in recorded([((1,), (2,)), ((1, 2, 3), (4,))]) if isinstance(event, ModelTurn))
    assert second.tokens is not None
    lost = attrs.evolve(second, tokens=attrs.evolve(second.tokens, base_turn=7))
    assert drift([START, first, lost]) == Drift(unreadable=1)


def test_set_up_is_the_time_until_the_first_request() -> None:
    events = [START, attrs.evolve(turn(1), latency_s=3.0), *toy_episode()[-2:]]
    found = clock(events, at(1, 6, 8, 11))
    assert found is not None
    assert (found.set_up_s, found.whole_s) == (2.0, 10.0)
    died = clock([START, Stopped(cause="infra_error", stage="set-up"), toy_episode()[-1]], at(1, 6, 8))
    assert died is not None
    assert died.set_up_s == 5.0


def test_an_episode_that_was_resumed_or_goes_on_has_no_clock() -> None:
    events = toy_episode()
    assert clock(events[:-1], at(*range(8))) is None
    assert clock([events[0], Resumed(at_seq=0, harness=""), *events[1:]], at(*range(10))) is None


def test_groups_are_told_by_whether_their_samples_differ() -> None:
    found = only(
        *(facts_of(each, group="0/0") for each in (PASSED, FAILED)),
        *(facts_of(each, group="0/1") for each in (PASSED, PASSED)),
        *(facts_of(each, group="0/2") for each in (FAILED, FAILED)),
    )
    assert found.groups == Groups(mixed=1, all_pass=1, all_fail=1, zero_variance=2)


def test_a_group_that_is_not_trained_on_is_masked_and_of_no_other_kind() -> None:
    found = only(
        *(facts_of(each, group="0/0") for each in (PASSED, FAILED, DEAD)),
        *(facts_of(each, group="0/1") for each in (PASSED, PASSED, PASSED)),
        *(facts_of(each, group="0/2") for each in (DEAD, DEAD, DEAD)),
        *(facts_of(each, group="0/3") for each in (FAILED, PASSED)),  # a log is missing
    )
    assert found.groups == Groups(all_pass=1, masked=3, zero_variance=1)
    rolled_out = only(*(facts_of(PASSED, step=None, group=task) for task in "aab"))
    assert rolled_out.groups == Groups(all_pass=2, zero_variance=2)


def test_masked_episodes_are_counted_by_cause_and_left_out_of_means() -> None:
    cancelled = ended(solved=None, reason="cancelled")
    found = only(*(facts_of(each) for each in (PASSED, FAILED, DEAD, DEAD, cancelled)))
    assert found.masked == {"cancelled": 1, "infra_error": 2}
    assert (found.reward_mean, found.parts["tests_passed"]) == (0.5, 0.5)
    assert found.run.reasons == {"cancelled": 1, "infra_error": 2, "submitted": 2}


@pytest.mark.parametrize(("step", "value"), [(0, None), (None, 1.0)], ids=["of a step", "of none"])
def test_only_an_episode_of_a_training_step_is_masked_for_tokens_that_can_not_be_trained_on(
    step: int | None, value: float | None
) -> None:
    record = TokenRecord(prompt_ids=(1,), completion_ids=(2,), logprobs=("nan",))
    events = [attrs.evolve(each, tokens=record) if isinstance(each, ModelTurn) else each for each in PASSED]
    worth = facts_of(events, step=step).reward
    assert (worth.value, worth.failed) == (value, value is None)
    assert ("expected finite log-probabilities, found nan" in worth.explanation) == (value is None)


def test_a_solved_task_costs_the_tokens_of_every_attempt_at_anything() -> None:
    solved = [facts_of(PASSED, task=task, sample=sample) for task in ("a", "b") for sample in (0, 1)]
    found = only(*solved, facts_of(FAILED, task="c"), superseded=(facts_of(DEAD, task="c"),))
    assert (found.solved_tasks, found.attempts, found.tokens_per_solved_task) == (2, 1, 6 * 24 / 2)
    assert only(facts_of(FAILED)).tokens_per_solved_task is None


def test_the_straggler_is_named_and_held_against_the_middle() -> None:
    ends = [10.0, 10.0, 45.0]
    times = [at(0, *([1] * (len(PASSED) - 2)), end) for end in ends]
    found = only(*(facts_of(PASSED, sample=index, times=each) for index, each in enumerate(times)))
    assert (found.straggler, found.slowest) == (4.5, "toy 2")


def test_models_are_as_busy_as_requests_overlap() -> None:
    events = [attrs.evolve(event, latency_s=4.0) if isinstance(event, ModelTurn) else event for event in PASSED]
    times = at(0, *([5] * (len(events) - 2)), 10)
    found = only(*(facts_of(events, sample=sample, times=times) for sample in range(3)))
    assert found.models_busy == pytest.approx(3 * 8 / 10)
    assert only(facts_of(events)).models_busy is None


def test_latencies_are_per_turn_call_grade_and_episode() -> None:
    def timed(event: Event) -> Event:
        if isinstance(event, TestRun):
            return attrs.evolve(event, latency_s=7.0)
        return attrs.evolve(event, latency_s=2.0) if isinstance(event, ModelTurn | ToolResult) else event

    found = only(facts_of([timed(event) for event in PASSED], times=at(*range(len(PASSED)))))
    assert {stage: (each.count, each.max) for stage, each in found.latency_s.items()} == {
        "set_up": (1, 0.0), "policy": (2, 2.0), "tool": (2, 2.0), "grade": (1, 7.0), "episode": (1, 8.0),
    }  # fmt: skip


def test_passing_only_what_the_agent_could_see_is_counted() -> None:
    own = attrs.evolve(GRADE, purpose="agent", expected=(), call="1.0")
    visible = [*FAILED[:-2], own, *FAILED[-2:]]
    assert only(facts_of(visible), facts_of(FAILED), facts_of(PASSED)).only_visible == 1


@settings(max_examples=40, deadline=None)
@given(st.lists(any_facts(), max_size=12), st.randoms())
def test_no_episode_is_lost_between_steps_and_their_order_is_nothing(
    episodes: list[EpisodeFacts], random: Random
) -> None:  # fmt: skip
    steps = by_step(episodes)
    assert sum(step.run.episodes for step in steps) == len(episodes)
    for step in steps:
        members = [facts for facts in episodes if facts.step == step.step]
        groups = step.groups
        counted = groups.mixed + groups.all_pass + groups.all_fail + groups.ungraded + groups.masked
        assert counted == len({facts.group for facts in members})
        assert sum(step.masked.values()) == sum(facts.reward.value is None for facts in members)
    shuffled = random.sample(episodes, len(episodes))
    assert [step.run.reasons for step in by_step(shuffled)] == [step.run.reasons for step in steps]


@settings(max_examples=40, deadline=None)
@given(st.lists(any_facts(), min_size=1, max_size=6))
def test_every_step_is_told_in_finite_numbers_under_one_prefix(episodes: list[EpisodeFacts]) -> None:
    for step in by_step(episodes):
        scalars = step_scalars(step)
        assert list(scalars) == sorted(scalars)
        assert all(name.startswith(PREFIX) and math.isfinite(value) for name, value in scalars.items())
        ends = [value for name, value in scalars.items() if name.startswith(PREFIX + "ended/")]
        assert sum(ends) == step.run.episodes
