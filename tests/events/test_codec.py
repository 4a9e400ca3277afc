from __future__ import annotations

import math
from typing import Any

import attrs
import orjson
import pytest
from hypothesis import given

from coding_agent.errors import DecodeError, EncodeError, UnknownEvent
from coding_agent.events.codec import decode, encode, field_kinds, semantic
from coding_agent.events.kinds import FieldKind
from coding_agent.events.schema import WIRE_NAMES, Event, ModelTurn, Stopped, TestRun, ToolResult
from coding_agent.events.values import TokenRecord
from tests.events.strategies import events

TURN = ModelTurn(turn=1, request_digest="d", content="hi")


@given(events)
def test_what_is_encoded_decodes_to_the_same_event(event: Event) -> None:
    wire = orjson.loads(orjson.dumps(encode(event)))
    assert decode(WIRE_NAMES[type(event)], wire) == event


@given(events)
def test_semantic_fields_are_the_encoded_ones_without_the_observed(event: Event) -> None:
    observed = {name for name, kind in field_kinds(type(event)).items() if kind is FieldKind.OBSERVED}
    kept = set(semantic(event))
    assert not kept & observed
    assert kept == set(encode(event)) - observed


@pytest.mark.parametrize("cls", WIRE_NAMES)
def test_every_field_of_every_event_has_a_kind(cls: type[Event]) -> None:
    assert set(field_kinds(cls)) == set(attrs.fields_dict(cls))


def test_a_field_that_holds_its_default_is_not_written() -> None:
    assert set(encode(TURN)) == {"turn", "request_digest", "content"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"turn": "1"}, "$.turn: expected an integer, found '1'"),
        ({"turn": True}, "$.turn: expected an integer, found True"),
        ({"turn": 1.0}, "$.turn: expected an integer, found 1.0"),
        ({"content": 3}, "$.content: expected text, found 3"),
        ({"truncated": 1}, "$.truncated: expected true or false, found 1"),
        ({"calls": "ab"}, "$.calls: expected a list, found 'ab'"),
        ({"calls": [{"id": "a", "name": 4, "raw": ""}]}, "$.calls[0].name: expected text, found 4"),
        (
            {"usage": {"prompt_tokens": 2**53 + 1}},
            f"$.usage.prompt_tokens: expected an integer within ±2^53, found {2**53 + 1}",
        ),
    ],
)
def test_a_coercion_is_refused_with_the_path(change: dict[str, Any], message: str) -> None:
    with pytest.raises(DecodeError) as caught:
        decode("model_turn", {**encode(TURN), **change})
    assert str(caught.value) == message


def test_a_missing_field_is_named() -> None:
    with pytest.raises(DecodeError, match="expected the field 'content', found 'nothing'"):
        decode("model_turn", {"turn": 1, "request_digest": "d"})


def test_an_unknown_type_is_named_with_the_known_ones() -> None:
    with pytest.raises(UnknownEvent, match=r"'dream' is not known .*model_turn"):
        decode("dream", {})


@pytest.mark.parametrize("latency", [math.nan, math.inf])
def test_a_number_that_json_has_not_is_refused_on_write(latency: float) -> None:
    with pytest.raises(EncodeError, match=r"\$\.latency_s: expected a finite number"):
        encode(ToolResult(call="1.0", outcome="ok", text="", latency_s=latency))


def test_an_infinite_log_probability_is_written_as_a_tag() -> None:
    tokens = TokenRecord(prompt_ids=(1,), completion_ids=(2, 3), logprobs=(-0.5, "-inf"))
    turn = attrs.evolve(TURN, tokens=tokens)
    assert decode("model_turn", orjson.loads(orjson.dumps(encode(turn)))) == turn


def test_observational_fields_do_not_matter_to_the_meaning() -> None:
    slow, fast = (ToolResult(call="1.0", outcome="ok", text="", latency_s=s) for s in (9.0, 0.1))
    assert semantic(slow) == semantic(fast)


def test_importing_events_into_a_test_module_collects_no_test() -> None:
    assert TestRun.__test__ is False


def test_a_value_outside_a_literal_is_refused_with_the_allowed_ones() -> None:
    data = encode(Stopped(cause="cancelled", stage="tool"))
    with pytest.raises(DecodeError, match=r"\$\.cause: expected one of time_limit"):
        decode("stopped", {**data, "cause": "boredom"})
