"""The page on training says everything that can be set."""

from __future__ import annotations

import re
from pathlib import Path

import attrs

from coding_agent.areno.config import ArenoConfig

PAGE = Path(__file__).parents[2] / "docs" / "areno.md"


def test_every_option_is_in_the_table_and_no_other() -> None:
    table = PAGE.read_text().partition("## Options")[2].partition("## ")[0]
    assert re.findall(r"^\| `(\w+)`", table, flags=re.MULTILINE) == list(attrs.fields_dict(ArenoConfig))
