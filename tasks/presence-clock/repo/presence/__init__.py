"""Rooms, and who is in them."""

from presence.reminders import Reminders
from presence.report import ago, report
from presence.room import Room

__all__ = ["Reminders", "Room", "ago", "report"]
