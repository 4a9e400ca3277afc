"""`parse_arguments`: strict JSON from models."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coding_agent.tools.dispatch import parse_arguments
from coding_agent.tools.parsing import MAX_BYTES, MAX_DEPTH

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(st.dictionaries(st.text(), VALUES))
def test_every_object_that_json_can_write_is_read_back(value: dict[str, object]) -> None:
    parsed, error = parse_arguments(json.dumps(value))
    assert error is None
    assert json.dumps(parsed).replace("\\ufdd0fdd0", "\\ufdd0") == json.dumps(value)


@given(st.text())
def test_no_text_at_all_crashes_it(raw: str) -> None:
    arguments, error = parse_arguments(raw)
    assert (arguments is None) == (error is not None)


@pytest.mark.parametrize("raw", ["", " ", "\n"])
def test_nothing_stands_for_no_arguments(raw: str) -> None:
    assert parse_arguments(raw) == ({}, None)


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ('{"a": 1, "a": 2}', "expected each key once, found 'a' more than once"),
        ('{"a": {"b": 1, "b": 1}}', "expected each key once, found 'b' more than once"),
        ('{"a": NaN}', "expected a finite number, found NaN"),
        ('{"a": -Infinity}', "expected a finite number, found -Infinity"),
        ('{"a": 1e999}', "expected a finite number, found 1e999"),
        ('{"a": 9007199254740993}', "expected an integer within ±2^53, found 9007199254740993"),
        ('{"a": ' + "9" * 5000 + "}", "expected an integer within ±2^53, found " + "9" * 40),
        ("[1]", "expected a JSON object, found [1]"),
        ("null", "expected a JSON object, found null"),
        ('{"a": 1, }', "line 1, column 10: Expecting property name enclosed in double quotes"),
        ('{"a": [1,\n]}', "line 2, column 1: Expecting value"),
        ('{"\u00e9": 1, "\u00e9": 2}', r"expected each key once, found '\xe9' more than once"),
        ('{"a": 1', "line 1, column 8: Expecting ',' delimiter"),
        ('{"a": 1}\n{', "line 2, column 1: Extra data"),
    ],
)
def test_what_the_log_could_not_carry_is_refused_and_located(raw: str, said: str) -> None:
    assert parse_arguments(raw) == (None, said)


def test_deep_nesting_is_refused_before_it_is_parsed() -> None:
    assert parse_arguments('{"a":' + "[" * 100_000) == (
        None,
        f"expected at most {MAX_DEPTH} levels of nesting, found more",
    )


def test_a_key_that_comes_twice_is_found_among_any_number() -> None:
    """Comparing each key with each would take the event loop away from every other episode for minutes."""
    raw = "{" + "".join(f'"{number}":1,' for number in range(200_000)) + '"x":1,"x":1}'
    assert parse_arguments(raw) == (None, "expected each key once, found 'x' more than once")


def test_brackets_inside_text_are_not_nesting() -> None:
    text = '[{\\"' * 100
    assert parse_arguments('{"a": "' + text + '"}')[1] is None


def test_arguments_above_the_size_are_refused() -> None:
    assert parse_arguments(" " * MAX_BYTES + "{}") == (
        None,
        f"expected at most {MAX_BYTES} bytes, found {MAX_BYTES + 2}",
    )


def test_a_lone_surrogate_is_escaped() -> None:
    assert parse_arguments('{"\\ud800": ["\\udc80"]}') == ({"\ufdd0d800": ["\ufdd0dc80"]}, None)
