import pytest

from calendar_slots import Interval, free_slots

DAY = Interval(9 * 60, 17 * 60)


@pytest.mark.parametrize("minimum", [15, 45, 60])
def test_a_gap_of_exactly_the_minimum_counts(minimum):
    busy = [Interval(540, 700), Interval(700 + minimum, 1020)]
    assert free_slots(DAY, busy, minimum) == [Interval(700, 700 + minimum)]


def test_a_gap_that_is_too_short_does_not():
    busy = [Interval(540, 700), Interval(729, 1020)]
    assert free_slots(DAY, busy, 30) == []


def test_meetings_outside_the_day_do_not_matter():
    assert free_slots(DAY, [Interval(0, 60), Interval(1200, 1300)]) == [DAY]
