"""Where a meeting still fits."""

from typing import Iterable, List

from calendar_slots.intervals import Interval, merge


def free_slots(day: Interval, busy: Iterable[Interval], minimum: int = 30) -> List[Interval]:
    """The free intervals of the day that are at least `minimum` minutes long."""
    slots: List[Interval] = []
    cursor = day.start
    for meeting in merge(busy):
        if meeting.end <= day.start or meeting.start >= day.end:
            continue
        gap = Interval(cursor, meeting.start)
        if gap.minutes > minimum:
            slots.append(gap)
        cursor = max(cursor, meeting.end)
    rest = Interval(cursor, day.end)
    if rest.minutes >= minimum:
        slots.append(rest)
    return slots
