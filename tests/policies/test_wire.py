"""The JSON of chat completions, without a server."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coding_agent.errors import EncodeError
from coding_agent.events.codec import check_json, encode
from coding_agent.events.schema import ModelTurn
from coding_agent.events.values import Message, ModelToolCall
from coding_agent.policies.base import ContextOverflow, PolicyReply
from coding_agent.policies.wire import BadAnswer, parse_body, read_reply, to_wire
from coding_agent.rollout.record import to_turn


def reply(message: dict[str, Any] | None = None, choice: dict[str, Any] | None = None, **top: Any) -> PolicyReply:
    choices = [{"message": {"content": "x", **(message or {})}, **(choice or {})}]
    return read_reply({"choices": choices, **top}, sampling={})


def called(**function: Any) -> dict[str, Any]:
    return {"tool_calls": [{"id": "a", "function": {"name": "search", **function}}]}


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ([], "the answer: expected an object"),
        ({}, "choices: expected a list, found None"),
        ({"choices": []}, r"choices\[0\]: expected an object"),
        ({"choices": [3]}, r"choices\[0\]: expected an object, found 3"),
        ({"choices": [{"message": "x"}]}, r"choices\[0\].message: expected an object"),
    ],
)
def test_a_body_of_another_shape_is_named(body: Any, place: str) -> None:
    with pytest.raises(BadAnswer, match=place):
        read_reply(body, sampling={})


@pytest.mark.parametrize(
    ("message", "place"),
    [
        ({"content": 3}, "content: expected text or null, found 3"),
        ({"tool_calls": {}}, "tool_calls: expected a list or null"),
        ({"tool_calls": [None]}, r"tool_calls\[0\].function: expected an object"),
        ({"tool_calls": [{"function": {"name": 1}}]}, "function.name: expected text, found 1"),
        (called(arguments=[]), "function.arguments: expected text"),
    ],
)
def test_a_message_of_another_shape_is_named(message: dict[str, Any], place: str) -> None:
    with pytest.raises(BadAnswer, match=place):
        reply(message)


@pytest.mark.parametrize(
    ("arguments", "raw"), [("{not json", "{not json"), ({"pattern": "é"}, '{"pattern": "é"}'), (None, ""), ("", "")]
)
def test_arguments_become_raw_text(arguments: Any, raw: str) -> None:
    assert reply(called(arguments=arguments)).calls[0].arguments == raw


def test_a_call_without_an_id_has_an_empty_one() -> None:
    assert reply({"tool_calls": [{"id": 7, "function": {"name": "x", "arguments": ""}}]}).calls[0].id == ""


def test_unknown_fields_of_the_message_go_back_as_they_came() -> None:
    extra = reply({"reasoning_content": "hm", "refusal": None, "parts": [{"a": 1}]}).extra
    sent = to_wire(Message(role="assistant", content="x", extra=extra))
    assert sent == {"reasoning_content": "hm", "parts": [{"a": 1}], "role": "assistant", "content": "x"}


def test_a_message_of_nothing_is_sent_as_empty_text() -> None:
    assert to_wire(Message(role="assistant")) == {"role": "assistant", "content": ""}


def test_extra_that_nests_too_deeply_is_refused() -> None:
    deep: Any = []
    for _ in range(40):
        deep = [deep]
    with pytest.raises(BadAnswer, match="at most 32 levels"):
        reply({"x": deep})


@pytest.mark.parametrize(
    ("choice", "sampling", "cut"),
    [
        ({"finish_reason": "length"}, {}, True),
        ({"finish_reason": "stop", "token_ids": [1, 2]}, {"max_tokens": 2}, True),
        ({"finish_reason": "stop", "token_ids": [1, 2]}, {"max_completion_tokens": 2}, True),
        ({"finish_reason": "stop", "token_ids": [1, 2]}, {"max_tokens": 3}, False),
        ({"finish_reason": 5}, {"max_tokens": 3}, False),
    ],
)
def test_truncation_is_counted_where_it_can_be(choice: dict[str, Any], sampling: dict[str, Any], cut: bool) -> None:
    assert read_reply({"choices": [{"message": {}, **choice}]}, sampling=sampling).truncated is cut


@pytest.mark.parametrize("usage", [None, 3, {}, {"prompt_tokens": "5"}, {"prompt_tokens": -1}, {"prompt_tokens": True}])
def test_usage_that_is_none_counts_nothing(usage: Any) -> None:
    assert reply(usage=usage).usage.prompt_tokens == 0


def vllm(*logprobs: Any, **top: Any) -> PolicyReply:
    content = [{"token": "t", "bytes": [116], "logprob": each} for each in logprobs]
    return reply(choice={"token_ids": [3, 4], "logprobs": {"content": content}}, **{"prompt_token_ids": [1, 2], **top})


def test_token_ids_beside_standard_log_probabilities_are_kept() -> None:
    tokens = vllm(-0.5, float("-inf")).tokens
    assert tokens is not None
    assert (tokens.prompt_ids, tokens.completion_ids, tokens.logprobs) == ((1, 2), (3, 4), (-0.5, "-inf"))
    assert (tokens.base_turn, tokens.shared) == (None, 0)


def test_log_probabilities_without_ids_make_no_record() -> None:
    assert vllm(-0.5, prompt_token_ids=None).tokens is None


@pytest.mark.parametrize("logprobs", [(), (-1,), (-1, None), (-1, "x"), (-1, True), (-1, 10**400)])
def test_log_probabilities_are_never_made_up(logprobs: tuple[Any, ...]) -> None:
    with pytest.raises(BadAnswer, match=r"logprobs.content: expected .*log-probabilities"):
        vllm(*logprobs)


@pytest.mark.parametrize("ids", ["12", [1.0], [-1], [True], [2**53]])
def test_ids_that_are_none_are_refused(ids: Any) -> None:
    with pytest.raises(BadAnswer, match="prompt token ids: expected a list of integers"):
        vllm(-1, -1, prompt_token_ids=ids)


def test_a_filtered_request_is_too_long() -> None:
    with pytest.raises(ContextOverflow):
        read_reply({"areno": {"filtered": True}}, sampling={})


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
KEYS = ("content", "tool_calls", "reasoning_content", "function_call")


@given(message=st.dictionaries(st.sampled_from(KEYS), ANY), choice=ANY, usage=ANY, areno=ANY, ids=ANY)
def test_whatever_a_server_says_is_refused_or_can_be_recorded(
    message: dict[str, Any], choice: Any, usage: Any, areno: Any, ids: Any
) -> None:
    chosen = {"finish_reason": choice, "logprobs": choice, "token_ids": ids, "message": message}
    body = {"choices": [chosen], "usage": usage, "areno": areno, "prompt_token_ids": ids}
    try:
        said = read_reply(parse_body(json.dumps(body).encode()), sampling={})
    except (BadAnswer, ContextOverflow):
        return
    turn = to_turn(said, turn=1, request_digest="0" * 64, latency_s=None)
    assert isinstance(turn, ModelTurn)
    check_json(encode(turn), "$", EncodeError)


@given(st.binary(max_size=40))
def test_bytes_are_json_or_refused(data: bytes) -> None:
    with suppress(BadAnswer):
        parse_body(data)


@given(st.text() | st.sampled_from(["{}", '{"a": 1}', "[]", "", " ", "null", "NaN", '{"a": NaN}', "{" * 5000]))
def test_every_call_of_a_history_is_sent_with_an_object_so_that_no_server_refuses_the_conversation(raw: str) -> None:
    sent = to_wire(Message(role="assistant", calls=(ModelToolCall(id="a", name="search", raw=raw),)))
    arguments = json.loads(json.dumps(sent))["tool_calls"][0]["function"]["arguments"]
    assert orjson.loads(arguments) == {"malformed": raw} or arguments == raw or not raw.strip()
