"""Which of many likenesses in a sampled text are the arguments of the executed call, by AReno's own parsers."""

from __future__ import annotations

import json
from typing import Any

from areno.api.tool_call_parser import JsonToolCallParser, QwenToolCallParser
from hypothesis import assume, example, given
from hypothesis import strategies as st

from coding_agent.areno.calls import arguments_span
from coding_agent.areno.tokens import Tokens
from tests.areno.stand import ByteTokenizer

TOOLS = [{"type": "function", "function": {"name": name}} for name in ("look", "submit")]
WORDS = ("", "a", '"', "\\", "{", "}", "é\U0001f600", "\n", "</think>", '"arguments": {}', "<function=submit>", "[")
scalars = st.sampled_from([*WORDS, None, True, False, 0, 1, -2.5])
keys = st.sampled_from(["path", "name", "arguments", "é", "a"])
values: st.SearchStrategy[Any] = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(keys, inner, max_size=2), max_leaves=5
)


@st.composite
def written(draw: st.DrawFn, value: Any) -> str:
    """JSON in one of the ways in which a model may write it."""
    separators = draw(st.sampled_from([(", ", ": "), (",", ":"), (" , ", " :\n")]))
    return json.dumps(value, ensure_ascii=draw(st.booleans()), separators=separators)


@st.composite
def calls(draw: st.DrawFn, arguments: dict[str, Any]) -> str:
    """One call, in the order and the wrapping that AReno takes, or of a tool that there is not."""
    called: dict[str, Any] = {"name": draw(st.sampled_from(["submit", "submit", "look", "nothing"]))}
    called[draw(st.sampled_from(["arguments", "arguments", "parameters"]))] = arguments
    if draw(st.booleans()):
        called["arguments"] = draw(st.sampled_from([arguments, json.dumps(arguments)]))
    called = {key: called[key] for key in draw(st.permutations(list(called)))}
    wrapped = {"function": called, "id": {}} if "arguments" in called else called
    return draw(written(draw(st.sampled_from([called, called, wrapped, [called], {"tool_calls": [called]}]))))


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Thoughts, prose, calls in blocks and outside, whole and broken; many with the same arguments."""
    known = draw(st.lists(st.dictionaries(keys, values, max_size=3), min_size=1, max_size=2))
    pieces = []
    for _ in range(draw(st.integers(1, 5))):
        one = draw(calls(draw(st.sampled_from(known))))
        cut = draw(st.integers(0, len(one)))
        pieces.append(
            draw(
                st.sampled_from(
                    [
                        f"<tool_call>\n{one}\n</tool_call>\n",
                        f"<tool_call>\n{one}\n</tool_call>\n",
                        f"<tool_call>So: {one} ok?</tool_call>",
                        f"<tool_call>{one[:cut]}</tool_call>",
                        f"<tool_call>{one}{one[:cut]}</tool_call>",
                        f"<tool_call>{one}",
                        f"<think>I might say {one}.</think>",
                        f"<think>I might say <tool_call>{one}</tool_call>.</think>",
                        "<tool_call><function=submit><parameter=path>a</parameter></function></tool_call>",
                        draw(st.sampled_from(WORDS)),
                    ]
                )
            )
        )
    return "".join(pieces)


def executed(text: str, parser: Any = None) -> tuple[str, str] | None:
    """Name and arguments of the call that the proxy puts first, which is the one that the harness executes."""
    found = (parser or QwenToolCallParser()).parse(text, TOOLS, None).tool_calls
    return (found[0]["function"]["name"], found[0]["function"]["arguments"]) if found else None


def check(text: str, parser: Any = None) -> None:
    """Were it otherwise written at that place, it would be that call which is another, and no other place is."""
    call = executed(text, parser)
    assume(call is not None)
    assert call is not None
    span = arguments_span(text, *call)
    if span is None:
        assert "<function=" in text
        return
    marked = text[: span[0]] + '{"marked": 0}' + text[span[1] :]
    assert executed(marked, parser) == (call[0], '{"marked":0}')
    tokenizer = ByteTokenizer()
    ids = tokenizer.encode(text)
    assert tokenizer.decode(ids[slice(*Tokens(tokenizer).arguments(ids, *call))]) == text[slice(*span)]


TWICE = '<tool_call>{"name": "submit", "arguments": {}}</tool_call>'


@given(texts())
@example(TWICE + TWICE)
@example(f"<think>{TWICE}</think>{TWICE}")
@example(TWICE.replace("}}", "}") + TWICE)
@example('<tool_call>{"name": "submit", "arguments": 1}</tool_call>' + TWICE)
def test_the_arguments_are_those_of_the_executed_call_whatever_else_was_written(text: str) -> None:
    check(text)


def test_arguments_that_were_not_written_have_no_place_in_a_like_call_that_follows() -> None:
    text = '<tool_call>{"function": {"name": "submit"}}</tool_call>' + TWICE
    assert executed(text) == ("submit", "{}")
    assert arguments_span(text, "submit", "{}") is None


@given(st.sampled_from(WORDS[:2]), st.dictionaries(keys, values, max_size=3).flatmap(calls), st.sampled_from(WORDS[:2]))
def test_without_blocks_they_are_those_of_the_only_call(before: str, call: str, after: str) -> None:
    check(before + call + after, JsonToolCallParser())
