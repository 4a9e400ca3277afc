"""The page on training says everything that can be set."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import attrs
import pytest

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
