"""Which ids of a completion are the arguments of the call that was made."""

from __future__ import annotations

import pytest

from coding_agent.areno.tokens import Tokens
from tests.areno.stand import END, ByteTokenizer, call

SOLVED = '{"status": "solved", "summary": "mended"}'
REAL = call("submit", status="solved", summary="mended")


def found(text: str, arguments: str = SOLVED) -> tuple[str, str] | None:
    """What stands before the arguments of a call to `submit`, and they."""
    tokenizer = ByteTokenizer()
    ids = [*tokenizer.encode(text), END]
    span = Tokens(tokenizer).arguments(ids, "submit", arguments)
    return (tokenizer.decode(ids[: span[0]]), tokenizer.decode(ids[slice(*span)])) if span else None


@pytest.mark.parametrize(
    "before",
    [
        "",
        "h\u00e9\u00e9\U0001f600 ",
        '<think>I could call {"name": "submit", "arguments": {"status": "blocked"}} but no.</think>\n',
        f'<think>So {{"name": "submit", "arguments": {SOLVED}}} it is.</think>\n',
        'The "submit" tool takes "arguments" {} here.\n',
        'It is "arguments": {unfinished.\n',
    ],
)
def test_a_call_has_its_arguments_whatever_was_thought_before(before: str) -> None:
    head = before + '<tool_call>\n{"name": "submit", "arguments": '
    assert found(before + REAL) == (head, SOLVED)


def test_arguments_may_stand_before_the_name() -> None:
    head = '<tool_call>\n{"arguments": '
    assert found(f'{head}{SOLVED}, "name": "submit"}}\n</tool_call>') == (head, SOLVED)


def test_arguments_are_the_same_however_they_are_spaced() -> None:
    head = '<tool_call>{"name":"submit","arguments" : '
    sampled = '{"summary":"mended",  "status":"solved"}'
    assert found(f"{head}{sampled}}}</tool_call>") == (head, sampled)


def test_of_two_like_calls_the_first_has_them_as_it_is_the_one_that_is_executed() -> None:
    head = '<tool_call>\n{"name": "submit", "arguments": '
    assert found(REAL + REAL) == (head, SOLVED)


def test_a_call_of_another_tool_with_like_arguments_is_not_the_one_that_was_made() -> None:
    head = '<tool_call>\n{"name": "submit", "arguments": '
    assert found(REAL + call("other", status="solved", summary="mended")) == (head, SOLVED)


@pytest.mark.parametrize(
    ("text", "arguments"),
    [
        (REAL, '{"status": "blocked"}'),
        (REAL, "not JSON"),
        (call("submit", status=True), '{"status": 1}'),
        (f'<think>{{"name": "submit", "arguments": {SOLVED}}}</think><tool_call><function=submit>', SOLVED),
        ("nothing was called", SOLVED),
        ("", ""),
    ],
)
def test_no_arguments_are_known_where_none_are_those_of_the_call(text: str, arguments: str) -> None:
    assert found(text, arguments) is None


@pytest.mark.parametrize("depth", [*range(950, 1000), 10_000])
def test_arguments_nested_too_deep_are_no_error(depth: int) -> None:
    deep = '{"a":' * depth + "1" + "}" * depth
    assert found(f'<tool_call>{{"name": "submit", "arguments": {deep}}}</tool_call>', deep) in (
        None,
        ('<tool_call>{"name": "submit", "arguments": ', deep),
    )
