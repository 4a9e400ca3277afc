"""Half-open intervals of minutes."""

from typing import Iterable, List, NamedTuple


class Interval(NamedTuple):
    """`[start, end)` in minutes since midnight."""

    start: int
    end: int

    @property
    def minutes(self) -> int:
        return self.end - self.start


def merge(intervals: Iterable[Interval]) -> List[Interval]:
    """Sorted, disjoint intervals that cover the same minutes. Meetings back to back become one."""
    merged: List[Interval] = []
    for interval in sorted(intervals):
        if interval.minutes <= 0:
            continue
        if merged and interval.start <= merged[-1].end:
            last = merged.pop()
            interval = Interval(last.start, max(last.end, interval.end))
        merged.append(interval)
    return merged
