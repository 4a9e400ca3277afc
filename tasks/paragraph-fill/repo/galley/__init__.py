"""Plain text, set to a measure."""

from galley.fill import fill
from galley.layout import centre, columns

__all__ = ["centre", "columns", "fill"]
