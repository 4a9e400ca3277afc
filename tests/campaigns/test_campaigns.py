"""Each campaign that is quick, short. `make campaigns` runs the others short, `make soak` all of them long."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.campaigns import Campaign, Untried, campaigns, carry_out
from tests.pythons import Missing, python


@pytest.mark.parametrize("chosen", [each for each in campaigns() if each.in_suite], ids=lambda each: each.name)
def test_the_guarantee_holds_in_every_case(chosen: Campaign, tmp_path: Path) -> None:
    result = carry_out(chosen, "short", tmp_path)
    assert not result.failures
    assert result.tried
    if result.untried:
        pytest.skip(f"what was tried held; not tried: {'; '.join(result.untried)}")


def test_a_python_that_is_not_here_is_named() -> None:
    with pytest.raises(Missing, match=r"Python 3\.99 is neither on PATH nor installed by pyenv or uv"):
        python("3.99")


def test_what_can_not_be_tried_is_neither_a_case_nor_a_failure(tmp_path: Path) -> None:
    some = Campaign("holds", lambda _size, _folder: iter([None, Untried("no such thing"), "broken"]))
    result = carry_out(some, "short", tmp_path)
    assert (result.tried, result.failures, result.untried) == (2, ("broken",), ("no such thing",))
