import pytest

from again import Backoff, GaveUp, attempt, pauses


def test_success_needs_no_pause():
    slept = []
    assert attempt(lambda: 7, sleep=slept.append) == 7
    assert slept == []


def test_pauses_grow_up_to_the_ceiling():
    assert pauses(Backoff(first=1, factor=2, ceiling=60), attempts=8) == [1, 2, 4, 8, 16, 32, 60, 60]


def test_other_failures_are_not_tried_again():
    with pytest.raises(KeyError):
        attempt(lambda: {}["x"])


def test_giving_up_is_told():
    def broken():
        raise OSError("down")

    with pytest.raises(GaveUp):
        attempt(broken, tries=2)
