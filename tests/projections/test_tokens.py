"""The invariants P1 to P4, P6 and P7 of training rows, over generated episodes that keep or rewrite their history."""

from __future__ import annotations

import itertools

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coding_agent.events.codec import decode, encode
from coding_agent.events.schema import Event, ModelTurn
from coding_agent.events.tokens import common_prefix
from coding_agent.events.values import ModelToolCall, TokenRecord
from coding_agent.projections.tokens import (
    CONTEXT,
    TRAINABLE,
    Drift,
    SampledTurn,
    choose,
    rows,
    sampled_turns,
    trained_turns,
)
from tests.projections.conversations import SAMPLED, Seen, conversations, likelihood, recorded
from tests.samples import START, SUBMIT, turn

DRIFTS: tuple[Drift, ...] = ("keep", "cut")


@given(conversations())
def test_p1_each_turn_is_the_exact_ids_that_the_model_saw_and_sampled(seen: list[Seen]) -> None:
    turns = sampled_turns(recorded(seen))
    assert [(each.prompt, each.completion) for each in turns] == seen
    assert [row.ids for row in rows(turns, merge=False)] == [prompt + completion for prompt, completion in seen]


@given(conversations())
def test_p2_turns_are_merged_exactly_where_a_prompt_begins_with_all_of_the_turn_before(seen: list[Seen]) -> None:
    wholes = [prompt + completion for prompt, completion in seen]
    runs: list[list[int]] = []
    for number, (prompt, _) in enumerate(seen, start=1):
        if number > 1 and prompt[: len(wholes[number - 2])] == wholes[number - 2]:
            runs[-1].append(number)
        else:
            runs.append([number])
    merged = rows(sampled_turns(recorded(seen)), merge=True)
    assert [list(row.turns) for row in merged] == runs
    assert [row.ids for row in merged] == [wholes[run[-1] - 1] for run in runs]


@st.composite
def chosen_turns(draw: st.DrawFn) -> tuple[list[Seen], tuple[SampledTurn, ...], bool]:
    """A conversation, what of it is learnt from by any choice and any policy on drift, and whether it is merged."""
    seen = draw(conversations())
    cuts = [sorted(draw(st.tuples(*[st.integers(0, len(said))] * 2))) for _, said in seen]
    spans = [tuple(cut) if draw(st.booleans()) else () for cut in cuts]
    trainable, drift = draw(st.sampled_from(TRAINABLE)), draw(st.sampled_from(DRIFTS))
    return seen, trained_turns(recorded(seen, spans=spans), trainable=trainable, drift=drift), draw(st.booleans())


@given(chosen_turns())
def test_p3_only_sampled_ids_are_learnt_from_and_each_once(
    case: tuple[list[Seen], tuple[SampledTurn, ...], bool],
) -> None:
    _, turns, merge = case
    found = rows(turns, merge=merge)
    learnt = [token for row in found for token, mask in zip(row.ids, row.loss_mask, strict=True) if mask]
    assert learnt == [token for each in turns for token in each.completion[slice(*each.learnt)]]
    assert all(token >= SAMPLED for token in learnt)
    assert len(set(learnt)) == len(learnt)


@given(conversations(), st.booleans())
def test_p3_all_that_was_sampled_is_learnt_from_where_all_turns_are_trainable(seen: list[Seen], merge: bool) -> None:
    found = rows(trained_turns(recorded(seen)), merge=merge)
    learnt = [token for row in found for token, mask in zip(row.ids, row.loss_mask, strict=True) if mask]
    assert learnt == [token for _, completion in seen for token in completion]


@given(chosen_turns())
def test_p4_each_id_that_is_learnt_from_has_its_own_probability(
    case: tuple[list[Seen], tuple[SampledTurn, ...], bool],
) -> None:
    _, turns, merge = case
    for row in rows(turns, merge=merge):
        assert len(row.ids) == len(row.loss_mask)
        assert row.logprobs == tuple(
            likelihood(token) if mask else 0.0 for token, mask in zip(row.ids, row.loss_mask, strict=True)
        )


@given(chosen_turns())
def test_p1_a_row_is_what_was_seen_and_sampled_up_to_what_is_learnt(
    case: tuple[list[Seen], tuple[SampledTurn, ...], bool],
) -> None:
    seen, turns, _ = case
    for row in rows(turns, merge=False):
        prompt, completion = seen[row.turns[0] - 1]
        assert row.ids == (prompt + completion)[: len(row.ids)]
        assert len(row.ids) >= len(prompt)


@given(conversations())
def test_rows_are_cut_before_the_first_prompt_that_drifted(seen: list[Seen]) -> None:
    every = sampled_turns(recorded(seen))
    whole = tuple(itertools.takewhile(lambda each: not each.lost, every))
    assert trained_turns(recorded(seen), drift="cut") == whole
    assert trained_turns(recorded(seen), drift="keep") == every


@given(conversations(), st.integers(1, 40))
def test_rows_end_before_the_first_turn_that_is_longer_than_the_context(seen: list[Seen], limit: int) -> None:
    events = [
        attrs.evolve(event, sampling={CONTEXT: limit}) if isinstance(event, ModelTurn) else event
        for event in recorded(seen)
    ]
    fitting = itertools.takewhile(lambda each: len(each[0] + each[1]) <= limit, seen)
    assert [(each.prompt, each.completion) for each in trained_turns(events)] == list(fitting)


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


@given(conversations(), st.data())
def test_p6_turns_that_a_limit_cut_are_marked(seen: list[Seen], data: st.DataObject) -> None:
    cut = data.draw(st.lists(st.booleans(), min_size=len(seen), max_size=len(seen)))
    header, *turns = recorded(seen)
    marked = [attrs.evolve(each, truncated=is_cut) for each, is_cut in zip(turns, cut, strict=True)]  # type: ignore[arg-type]
    assert [each.truncated for each in sampled_turns([header, *marked])] == cut


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


@given(conversations())
def test_the_last_turn_is_the_only_one_or_stands_for_an_episode_that_has_none_to_learn_from(seen: list[Seen]) -> None:
    events = recorded(seen)
    last = sampled_turns(events)[-1]
    assert trained_turns(events, trainable="last") == (last,)
    assert trained_turns(events, trainable="tool_arguments") == (attrs.evolve(last, learnt=(0, 0)),)


@pytest.mark.parametrize(("merge", "mask"), [(True, (False, False, True, False)), (False, (False, False, True))])
def test_a_span_masks_the_rest_of_the_completion_or_ends_the_row(merge: bool, mask: tuple[bool, ...]) -> None:
    events: list[Event] = [START, answering(LOOK, (1, 2))]
    (row,) = rows(choose(events, sampled_turns(events), "tool_arguments"), merge=merge)
    assert row.loss_mask == mask


def test_a_record_that_refers_to_another_turn_than_the_last_is_refused() -> None:
    record = TokenRecord(base_turn=3, shared=1, prompt_ids=(), completion_ids=())
    with pytest.raises(ValueError, match="shares 1 ids with turn 3"):
        sampled_turns([START, attrs.evolve(turn(1), tokens=record)])
