import pytest

from again import Backoff, attempt, pauses


@pytest.mark.parametrize("ceiling", [0.5, 3, 1000])
def test_no_pause_is_longer_than_the_ceiling(ceiling):
    found = pauses(Backoff(first=1, factor=3, ceiling=ceiling), 10)
    assert max(found) <= ceiling
    assert found == sorted(found)


def test_jitter_only_adds():
    assert Backoff(first=2, jitter=0.5).pause(1, draw=0.5) == 2.5


def test_the_loop_waits_as_long_as_it_should():
    slept, left = [], [3]

    def flaky():
        left[0] -= 1
        if left[0]:
            raise OSError
        return "ok"

    assert attempt(flaky, sleep=slept.append) == "ok"
    assert slept == [1, 2]
