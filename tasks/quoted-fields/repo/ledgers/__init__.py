"""Small tables as text."""

from ledgers.reader import TableError, read
from ledgers.writer import write

__all__ = ["TableError", "read", "write"]
