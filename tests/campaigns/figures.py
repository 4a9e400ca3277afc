"""The figures in the documentation: how many cases each campaign tried, at full length. Written by `scripts/soak.py --write`.

In docs/promises.md a figure stands behind the name of its campaign: `<!-- cuts -->3,566`, and nothing while no whole run has
given one yet, which a test does not let pass. README.md has the sum of those that are about the log.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).parents[2]
PROMISES, README = ROOT / "docs" / "promises.md", ROOT / "README.md"
_FIGURE = re.compile(r"<!-- (\w+) -->([\d,]*)")
_SUM = re.compile(r"[\d,]+(?= cases of the log tried)")
_THE_LOG = re.compile(r"^## The log\n.*?(?=^## )", re.MULTILINE | re.DOTALL)


def figures() -> dict[str, int]:
    """Campaign → cases, as the documentation has them."""
    return _in(PROMISES.read_text(encoding="utf-8"))


def blank(text: str) -> list[str]:
    """The campaigns whose marker has no number behind it, or none but 0."""
    return [name for name, cases in _in(text).items() if cases == 0]


def cases_of_the_log() -> tuple[int, int]:
    """What README.md says, and what the table says."""
    said = _SUM.search(README.read_text(encoding="utf-8"))
    return _number(said[0]) if said else 0, _sum(PROMISES.read_text(encoding="utf-8"))


def write(tried: Mapping[str, int]) -> None:
    """Put these figures in the place of what is there, and the sum into README.md; other figures stay."""

    def figure(found: re.Match[str]) -> str:
        cases = tried.get(found[1], _number(found[2]))
        return f"<!-- {found[1]} -->{cases:,}" if cases else f"<!-- {found[1]} -->"

    text = _FIGURE.sub(figure, PROMISES.read_text(encoding="utf-8"))
    PROMISES.write_text(text, encoding="utf-8")
    README.write_text(_SUM.sub(f"{_sum(text):,}", README.read_text(encoding="utf-8")), encoding="utf-8")


def _sum(promises: str) -> int:
    section = _THE_LOG.search(promises)
    return sum(_in(section[0]).values()) if section else 0


def _in(text: str) -> dict[str, int]:
    return {found[1]: _number(found[2]) for found in _FIGURE.finditer(text)}


def _number(text: str) -> int:
    return int(text.replace(",", "") or "0")
