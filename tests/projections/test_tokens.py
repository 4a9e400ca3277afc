"""The invariants P1 … P7 of training rows, over generated episodes that keep or rewrite their history."""

from __future__ import annotations

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coding_agent.events.codec import decode, encode
from coding_agent.events.schema import Event, ModelTurn
from coding_agent.events.tokens import Tail, common_prefix
from coding_agent.events.values import ModelToolCall, TokenRecord
from coding_agent.projections.tokens import TRAINABLE, choose, rows, sampled_turns
from tests.samples import START, SUBMIT, turn

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


def recorded(seen: list[Seen]) -> list[Event]:
    """The log as the recorder writes it."""
    events: list[Event] = [START]
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


def test_a_span_masks_the_rest_of_the_completion() -> None:
    events: list[Event] = [START, answering(LOOK, (1, 2))]
    (row,) = rows(choose(events, sampled_turns(events), "tool_arguments"), merge=False)
    assert row.loss_mask == (False, False, True, False)


def test_a_record_that_refers_to_another_turn_than_the_last_is_refused() -> None:
    record = TokenRecord(base_turn=3, shared=1, prompt_ids=(), completion_ids=())
    with pytest.raises(ValueError, match="shares 1 ids with turn 3"):
        sampled_turns([START, attrs.evolve(turn(1), tokens=record)])
