"""Trying again, politely."""

from again.backoff import Backoff, pauses
from again.loop import GaveUp, attempt

__all__ = ["Backoff", "GaveUp", "attempt", "pauses"]
