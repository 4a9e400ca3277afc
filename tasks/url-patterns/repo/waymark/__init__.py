"""URL patterns, both ways."""

from waymark.pattern import Pattern
from waymark.router import NoRoute, Router

__all__ = ["NoRoute", "Pattern", "Router"]
