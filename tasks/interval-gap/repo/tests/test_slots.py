from calendar_slots import Interval, free_slots, merge

DAY = Interval(9 * 60, 17 * 60)


def test_an_empty_day_is_one_slot():
    assert free_slots(DAY, []) == [DAY]


def test_back_to_back_meetings_are_merged():
    assert merge([Interval(600, 630), Interval(570, 600)]) == [Interval(570, 630)]


def test_half_an_hour_between_two_meetings_is_enough():
    busy = [Interval(540, 600), Interval(630, 1020)]
    assert free_slots(DAY, busy) == [Interval(600, 630)]
