"""`prepare`: what becomes of a call before anything runs."""

from __future__ import annotations

import subprocess
import sys

import pytest

from coding_agent.errors import UsageError
from coding_agent.events.values import ModelToolCall
from coding_agent.tools.dispatch import TOOLS, TOOLSETS, Denied, Prepared, parse_arguments, prepare, tool_schemas

NAMES = TOOLSETS["default"]


def asked(name: str, raw: str) -> Prepared | Denied:
    arguments, error = parse_arguments(raw)
    return prepare(ModelToolCall(id="", name=name, raw=raw, arguments=arguments, error=error), NAMES)


def denied(name: str, raw: str) -> str:
    answer = asked(name, raw)
    assert isinstance(answer, Denied)
    return answer.text


def test_a_good_call_is_prepared_with_typed_arguments() -> None:
    answer = asked("read_file", '{"path": "a.py", "start": 3}')
    assert isinstance(answer, Prepared)
    assert (answer.tool, answer.arguments) == (TOOLS["read_file"], TOOLS["read_file"].arguments(path="a.py", start=3))


def test_an_unknown_tool_is_answered_with_the_nearest_and_the_list() -> None:
    said = "There is no tool `read_fil`. Did you mean `read_file`? The tools are: "
    assert denied("read_fil", "{}") == said + ", ".join(NAMES) + "."


def test_a_tool_that_is_not_offered_is_unknown() -> None:
    answer = prepare(ModelToolCall(id="", name="search", raw="", arguments={"pattern": "x"}), ("read_file",))
    assert answer == Denied(text="There is no tool `search`. The tools are: read_file.")


def test_arguments_that_are_not_json_are_answered_with_the_place() -> None:
    said = "read_file was not run: its arguments are not a JSON object. line 1, column 10: Expecting value"
    assert denied("read_file", '{"path": }') == said


def test_wrong_arguments_are_answered_field_by_field() -> None:
    said = "read_file was not run: mend its arguments and call it again.\n"
    assert denied("read_file", '{"path": "a", "end": "3"}').startswith(said + "read_file.end: expected an integer")


def test_an_unknown_toolset_is_answered_with_the_list() -> None:
    with pytest.raises(UsageError, match="toolset: expected one of default, edit, test, found 'all'"):
        tool_schemas("all")


def test_the_default_toolset_has_the_nine_tools_in_the_order_of_the_reference() -> None:
    assert NAMES == (
        "list_files", "read_file", "search", "apply_patch", "replace_text", "write_file", "run_tests", "run_command",
        "submit",
    )  # fmt: skip


def test_dispatch_needs_no_event_loop() -> None:
    code = "import sys, coding_agent.tools.dispatch; sys.exit('anyio' in sys.modules)"
    assert (
        subprocess.run([sys.executable, "-c", code], check=False, env={"PYTHONPATH": ":".join(sys.path)}).returncode
        == 0
    )
