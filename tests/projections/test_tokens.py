"""The invariants P1 … P7 of training rows, over generated episodes that keep or rewrite their history."""

from __future__ import annotations

from random import Random
from statistics import mean, pstdev

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coding_agent.events.codec import decode, encode
from coding_agent.events.schema import Done, EpisodeStarted, Event, ModelTurn
from coding_agent.events.tokens import Tail, common_prefix
from coding_agent.events.values import ModelToolCall, TokenRecord
from coding_agent.exports.areno_rows import ArenoRow, Played, Trained, areno_rows, played, trained
from coding_agent.projections.reward import MASKED
from coding_agent.projections.tokens import TRAINABLE, choose, rows, sampled_turns, trained_turns
from tests.samples import START, SUBMIT, toy_episode, turn

ids = st.lists(st.integers(0, 5), max_size=6).map(tuple)
Seen = tuple[tuple[int, ...], tuple[int, ...]]


@st.composite
def conversations(draw: st.DrawFn) -> list[Seen]:
    """Per turn the prompt that the model saw and the ids that it sampled; a history is kept, or cut and rewritten."""
    seen: list[Seen] = []
    history: tuple[int, ...] = ()
    for _ in range(draw(st.integers(1, 5))):
        kept = draw(st.one_of(st.just(len(history)), st.integers(0, len(history))))
        prompt = history[:kept] + draw(ids)
        completion = draw(ids)
        seen.append((prompt, completion))
        history = prompt + completion
    return seen


def recorded(seen: list[Seen], start: EpisodeStarted = START) -> list[Event]:
    """The log as the recorder writes it."""
    events: list[Event] = [start]
    tail = Tail()
    for number, (prompt, completion) in enumerate(seen, start=1):
        record = TokenRecord(prompt_ids=prompt, completion_ids=completion, logprobs=(-0.5,) * len(completion))
        event = attrs.evolve(turn(number), tokens=tail.compress(record))
        events.append(event)
        tail = tail.after(event)
    return events


@given(conversations())
def test_p1_each_turn_is_the_exact_ids_that_the_model_saw_and_sampled(seen: list[Seen]) -> None:
    turns = sampled_turns(recorded(seen))
    assert [(each.prompt, each.completion) for each in turns] == seen
    assert [row.ids for row in rows(turns, merge=False)] == [prompt + completion for prompt, completion in seen]


@given(conversations())
def test_p2_turns_are_merged_exactly_where_a_prompt_begins_with_the_whole_row(seen: list[Seen]) -> None:
    merged = rows(sampled_turns(recorded(seen)), merge=True)
    forks = 1 + sum(
        later[0][: len(before[0] + before[1])] != before[0] + before[1]
        for before, later in zip(seen, seen[1:], strict=False)
    )
    assert len(merged) == forks
    assert {row.ids for row in merged} <= {prompt + completion for prompt, completion in seen}


@given(conversations(), st.booleans())
def test_p3_only_sampled_ids_are_learnt_from_and_each_once(seen: list[Seen], merge: bool) -> None:
    found = rows(sampled_turns(recorded(seen)), merge=merge)
    learnt = [token for row in found for token, mask in zip(row.ids, row.loss_mask, strict=True) if mask]
    assert learnt == [token for _, completion in seen for token in completion]


@given(conversations(), st.booleans())
def test_p4_lists_have_one_length_and_probabilities_stand_where_the_mask_does(seen: list[Seen], merge: bool) -> None:
    for row in rows(sampled_turns(recorded(seen)), merge=merge):
        assert len(row.ids) == len(row.loss_mask) == len(row.logprobs)
        assert [number != 0 for number in row.logprobs] == list(row.loss_mask)


@pytest.mark.parametrize("logprobs", [(), (-0.5,), (-0.5, "-inf")])
def test_p4_a_missing_or_non_finite_probability_is_an_error_that_names_the_turn(logprobs: tuple[float | str]) -> None:
    record = TokenRecord(prompt_ids=(1,), completion_ids=(2, 3), logprobs=logprobs)
    with pytest.raises(ValueError, match=r"^turn 1: expected"):
        sampled_turns([START, attrs.evolve(turn(1), tokens=record)])


@given(conversations())
def test_drift_is_what_of_the_turn_before_is_no_longer_there(seen: list[Seen]) -> None:
    histories = [(), *(prompt + completion for prompt, completion in seen)]
    lost = [len(old) - common_prefix(old, prompt) for old, (prompt, _) in zip(histories, seen, strict=False)]
    assert [each.lost for each in sampled_turns(recorded(seen))] == lost


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


@given(conversations(), st.data())
def test_p6_turns_that_a_limit_cut_are_marked(seen: list[Seen], data: st.DataObject) -> None:
    cut = data.draw(st.lists(st.booleans(), min_size=len(seen), max_size=len(seen)))
    header, *turns = recorded(seen)
    marked = [attrs.evolve(each, truncated=is_cut) for each, is_cut in zip(turns, cut, strict=True)]  # type: ignore[arg-type]
    assert [each.truncated for each in sampled_turns([header, *marked])] == cut


@given(steps(), st.randoms())
def test_p7_a_step_is_the_same_in_whatever_order_its_logs_come(step: list[Attempt], random: Random) -> None:
    assert rows_by_sample(random.sample(step, len(step))) == rows_by_sample(step)


@given(conversations(), st.booleans())
def test_p7_rows_are_the_same_after_the_log_was_written_and_read(seen: list[Seen], merge: bool) -> None:
    events = recorded(seen)
    again = [START, *(decode("model_turn", encode(event)) for event in events[1:])]
    assert rows(sampled_turns(again), merge=merge) == rows(sampled_turns(events), merge=merge)


def answering(call: ModelToolCall | None, span: tuple[int, ...] = ()) -> ModelTurn:
    record = TokenRecord(prompt_ids=(1,), completion_ids=(2, 3, 4), logprobs=(-1.0,) * 3, arguments=span)
    return attrs.evolve(turn(1, *([] if call is None else [call])), tokens=record)


LOOK = ModelToolCall(id="l", name="list_files", raw="{}", arguments={})


@pytest.mark.parametrize(
    ("call", "trainable", "learnt"),
    [
        (LOOK, "all", [(0, 3)]),
        (LOOK, "last", [(0, 3)]),
        (LOOK, "final_answer", []),
        (SUBMIT, "final_answer", [(0, 3)]),
        (None, "final_answer", [(0, 3)]),
        (LOOK, "tool_arguments", [(1, 2)]),
        (None, "tool_arguments", []),
    ],
)
def test_which_ids_are_learnt_from(call: ModelToolCall | None, trainable: str, learnt: list[tuple[int, int]]) -> None:
    events: list[Event] = [START, answering(call, (1, 2) if call else ())]
    chosen = choose(events, sampled_turns(events), next(name for name in TRAINABLE if name == trainable))
    assert [each.learnt for each in chosen] == learnt


@pytest.mark.parametrize(("merge", "mask"), [(True, (False, False, True, False)), (False, (False, False, True))])
def test_a_span_masks_the_rest_of_the_completion_or_ends_the_row(merge: bool, mask: tuple[bool, ...]) -> None:
    events: list[Event] = [START, answering(LOOK, (1, 2))]
    (row,) = rows(choose(events, sampled_turns(events), "tool_arguments"), merge=merge)
    assert row.loss_mask == mask


def test_a_record_that_refers_to_another_turn_than_the_last_is_refused() -> None:
    record = TokenRecord(base_turn=3, shared=1, prompt_ids=(), completion_ids=())
    with pytest.raises(ValueError, match="shares 1 ids with turn 3"):
        sampled_turns([START, attrs.evolve(turn(1), tokens=record)])
