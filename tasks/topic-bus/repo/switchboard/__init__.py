"""Publishing and subscribing, in one process."""

from switchboard.bus import Bus
from switchboard.errors import BusError
from switchboard.journal import Journal

__all__ = ["Bus", "BusError", "Journal"]
