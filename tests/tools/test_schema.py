"""Arguments: what is told of them, and what is accepted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Literal

import attrs
import pytest

from coding_agent.events.codec import encode
from coding_agent.events.schema import ToolCall
from coding_agent.events.values import JSON
from coding_agent.tools.dispatch import TOOLS, tool_schemas
from coding_agent.tools.schema import About, InvalidArguments, json_schema, validate

SNAPSHOT = Path(__file__).parent / "schemas.json"


@attrs.frozen(kw_only=True)
class Example:
    path: Annotated[str, About("A path.", 1, 10, path=True)]
    text: Annotated[str, About("A text.", nul_free=True)] = ""
    start: Annotated[int, About("A line.", 1, 9)] = 1
    seconds: Annotated[float | None, About("A time.", 0.5)] = None
    case: Annotated[bool, About("A choice.")] = False
    mode: Annotated[Literal["a", "b"], About("A mode.")] = "a"
    names: Annotated[tuple[str, ...], About("Names.", None, 2)] = ()


def test_the_schema_of_every_tool_is_the_one_recorded() -> None:
    schemas = {tool.name: {"description": tool.description, **tool.parameters} for tool in tool_schemas("default")}
    assert schemas == json.loads(SNAPSHOT.read_text()), f"if this is meant, write {SNAPSHOT.name} anew"


def test_a_schema_says_type_bounds_default_and_what_is_required() -> None:
    schema = json_schema(Example)
    assert schema["required"] == ["path"]
    assert schema["additionalProperties"] is False
    expected = {"type": ["number", "null"], "minimum": 0.5, "default": None, "description": "A time."}
    assert schema["properties"]["seconds"] == expected


@pytest.mark.parametrize("name", sorted(TOOLS))
def test_every_default_is_accepted_by_its_own_tool(name: str) -> None:
    properties = json_schema(TOOLS[name].arguments)["properties"]
    required = {key: value.get("enum", ["text"])[0] for key, value in properties.items() if "default" not in value}
    defaults = {key: value["default"] for key, value in properties.items() if "default" in value}
    assert validate(TOOLS[name].arguments, {**defaults, **required}, name) == TOOLS[name].arguments(**required)


def test_valid_arguments_become_an_instance() -> None:
    got = validate(Example, {"path": "x", "seconds": 3, "names": ["a", "b"], "mode": "b"}, "try")
    assert got == Example(path="x", seconds=3, names=("a", "b"), mode="b")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"start": "1"}, 'try.start: expected an integer from 1 to 9, found text: "1"'),
        ({"start": True}, "try.start: expected an integer from 1 to 9, found a truth value: true"),
        ({"start": 1.0}, "try.start: expected an integer from 1 to 9, found a number: 1.0"),
        ({"start": None}, "try.start: expected an integer from 1 to 9, found null"),
        ({"start": 10}, "try.start: expected an integer from 1 to 9, found 10"),
        ({"seconds": "3"}, 'try.seconds: expected a number from 0.5 or null, found text: "3"'),
        ({"seconds": False}, "try.seconds: expected a number from 0.5 or null, found a truth value: false"),
        ({"case": 1}, "try.case: expected true or false, found an integer: 1"),
        ({"mode": "c"}, 'try.mode: expected "a" or "b", found "c"'),
        ({"names": "a"}, 'try.names: expected a list of texts that are not empty, at most 2, found text: "a"'),
        ({"names": ["a", 1]}, "try.names: expected a list of texts that are not empty, at most 2, found an integer at index 1: 1"),
        ({"names": ["a"] * 3}, "try.names: expected a list of texts that are not empty, at most 2, found 3 items"),
        ({"text": "a\0"}, "try.text: expected text without NUL, found NUL at character 1"),
        ({"text": "a\ufdd0d800"}, "try.text: expected text without NUL, found a lone surrogate (\\ud800) at character 1"),
        ({"path": ""}, 'try.path: expected text that is not empty of at most 10 characters, found ""'),
        ({"strat": 1}, "try.strat: expected one of path, text, start, seconds, case, mode, names, found an unknown field; the nearest is `start`"),
    ],
)  # fmt: skip
def test_a_wrong_argument_is_named_with_what_was_expected_and_found(arguments: dict[str, JSON], said: str) -> None:
    with pytest.raises(InvalidArguments) as caught:
        validate(Example, {"path": "x", **arguments}, "try")
    assert str(caught.value) == said


def test_every_problem_is_told_at_once() -> None:
    with pytest.raises(InvalidArguments) as caught:
        validate(Example, {"start": 0, "case": 1}, "try")
    assert [problem.split(":")[0] for problem in caught.value.problems] == ["try.path", "try.start", "try.case"]


def test_a_field_without_a_description_is_a_bug_that_is_named() -> None:
    @attrs.frozen
    class Bare:
        path: str

    with pytest.raises(TypeError, match=r"Bare\.path: expected Annotated"):
        json_schema(Bare)


def test_arguments_as_deep_as_they_may_be_still_fit_into_an_event() -> None:
    value: JSON = {}
    for _ in range(59):
        value = [value]
    assert encode(ToolCall(call="1.0", tool="x", arguments={"a": value}))


def test_of_very_many_unknown_fields_the_first_are_named_and_the_others_counted() -> None:
    with pytest.raises(InvalidArguments) as told:
        validate(Example, {f"x{number}": 1 for number in range(100_000)}, "try")
    assert [problem for problem in told.value.problems if "more" in problem] == ["try: and 99995 more unknown fields"]
    assert len(told.value.problems) < 10
