"""Each campaign, short. `make soak` runs them long."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.campaigns import Campaign, campaigns, carry_out


@pytest.mark.parametrize("chosen", campaigns(), ids=lambda each: each.run.__name__)
def test_the_guarantee_holds_in_every_case(chosen: Campaign, tmp_path: Path) -> None:
    result = carry_out(chosen, "short", tmp_path)
    assert not result.failures
    assert result.tried
    if result.untried:
        pytest.skip(f"what was tried held; not tried: {'; '.join(result.untried)}")
