from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coding_agent.policies.retry import Backoff, GaveUp, TryAgain, retry_after_s

DATE = "Sat, 21 Nov 2026 10:00:00 GMT"


@given(retries=st.integers(0, 10**6), jitter=st.floats(0, 1, exclude_max=True))
def test_a_pause_of_our_own_is_bounded(retries: int, jitter: float) -> None:
    assert 0.5 <= Backoff().pause_s(retries, jitter, None) <= 60


@pytest.mark.parametrize(
    ("text", "date", "pause"),
    [
        (None, DATE, None),
        ("7", None, 7.0),
        ("-7", None, 0.0),
        ("soon", None, None),
        ("nan", None, None),
        ("Sat, 21 Nov 2026 10:00:30 GMT", DATE, 30.0),
        ("Sat, 21 Nov 2026 09:00:00 GMT", DATE, 0.0),
        ("Sat, 21 Nov 2026 10:00:30 GMT", None, None),
        ("Sat, 21 Nov 2026 10:00:30", DATE, None),
        ("Sat, 99 Nov 99999 10:00:30 GMT", DATE, None),
    ],
)
def test_what_a_server_asks_for_is_read(text: str | None, date: str | None, pause: float | None) -> None:
    assert retry_after_s(text, date) == pause


async def test_all_pauses_together_are_bounded() -> None:
    pauses: list[float] = []

    async def fail() -> None:
        raise TryAgain("busy", 40.0)

    async def note(pause: float) -> None:
        pauses.append(pause)

    with pytest.raises(GaveUp, match=r"after 3 attempts \(it asked to wait 40 s\): busy"):
        await Backoff(attempts=100, total_s=100).run(fail, seed="s", sleep=note)
    assert pauses == [40.0, 40.0]


def test_no_attempt_at_all_is_no_backoff() -> None:
    with pytest.raises(ValueError, match="attempts"):
        Backoff(attempts=0)
