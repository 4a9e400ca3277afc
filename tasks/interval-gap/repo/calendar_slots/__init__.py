"""Free and busy time on one day."""

from calendar_slots.intervals import Interval, merge
from calendar_slots.free import free_slots

__all__ = ["Interval", "free_slots", "merge"]
