"""The page on training says everything that can be set."""

from __future__ import annotations

import ast
import functools
import json
import re
import tomllib
from pathlib import Path
from typing import Any

import areno
import attrs
import pytest

import coding_agent
from coding_agent.areno.config import ArenoConfig
from coding_agent.areno.curriculum import Curriculum

PAGE = Path(__file__).parents[2] / "docs" / "areno.md"


@pytest.mark.parametrize(("heading", "options"), [("## Options", ArenoConfig), ("## Curriculum", Curriculum)])
def test_every_option_is_in_the_table_with_its_default_and_no_other(heading: str, options: Any) -> None:
    table = PAGE.read_text().partition(heading)[2].partition("## ")[0]
    assert re.findall(r"^\| `(\w+)`", table, flags=re.MULTILINE) == list(attrs.fields_dict(options))
    for name, told in re.findall(r"^\| `(\w+)` \| `([^`<]*)` \|", table, flags=re.MULTILINE):
        default = json.loads(json.dumps(getattr(options(), name), default=list))
        assert tomllib.loads(f"value = {told}")["value"] == default


GAP = "\0"
"""Stands for what differs from message to message."""


@functools.cache
def written() -> tuple[str, ...]:
    """Every text of the source, with a gap for each value that is put into it."""
    trees = [ast.parse(path.read_text()) for path in Path(coding_agent.__file__).parent.rglob("*.py")]
    nodes = [node for tree in trees for node in ast.walk(tree)]
    plain = [node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)]
    put_together = [
        "".join(str(part.value) if isinstance(part, ast.Constant) else GAP for part in node.values)
        for node in nodes
        if isinstance(node, ast.JoinedStr)
    ]
    return (*plain, *put_together)


@functools.cache
def logged() -> dict[str, set[str]]:
    """Every line that is logged, with its fields."""
    trees = [ast.parse(path.read_text()) for path in Path(coding_agent.__file__).parent.rglob("*.py")]
    found: dict[str, set[str]] = {}
    for node in (node for tree in trees for node in ast.walk(tree)):
        if isinstance(node, ast.Call) and ast.unparse(node.func).startswith("_log."):
            found.setdefault(ast.literal_eval(node.args[0]), set()).update(str(field.arg) for field in node.keywords)
    return found


def is_written(quoted: str) -> bool:
    """One text of the source has all fixed parts of a message, in this order."""
    parts = re.split(r"…|\d+", quoted.removeprefix("remedy: "))
    fixed = [re.escape(part.strip()) for part in parts if part.strip()]
    return any(re.search(".*".join(fixed), text, re.DOTALL) for text in written())


def first_column(heading: str) -> list[str]:
    section = PAGE.read_text().partition(heading)[2].partition("\n## ")[0]
    return re.findall(r"^\| (`.*?) \|", section, flags=re.MULTILINE)


def test_every_message_in_the_table_of_failures_is_one_of_ours_or_of_areno_s() -> None:
    cells = first_column("## Common failures")
    ours = [quoted for cell in cells if "(AReno)" not in cell for quoted in re.findall(r"`(.+)`", cell)]
    assert len(ours) >= 10
    assert [quoted for quoted in ours if not is_written(quoted)] == []
    theirs = [quoted for cell in cells if "(AReno)" in cell for quoted in re.findall(r"`(.+)`", cell)]
    sources = [path.read_text() for path in Path(areno.__file__).parent.rglob("*.py")]
    assert [quoted for quoted in theirs if not any(quoted in source for source in sources)] == []


def test_every_line_of_ours_in_the_table_of_log_lines_is_logged_with_these_fields() -> None:
    lines = [cell.strip("`").partition("  ") for cell in first_column("## The lines of the log") if "  " in cell]
    assert len(lines) >= 6
    for event, _, fields in lines:
        assert set(re.findall(r"(\w+)=", fields)) <= logged()[event], event
