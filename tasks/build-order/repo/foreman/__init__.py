"""In which order to build."""

from foreman.graph import Cycle, order
from foreman.parse import parse

__all__ = ["Cycle", "order", "parse"]
