"""Versions: reading, ordering, choosing."""

from releases.choose import NoVersion, choose
from releases.requirement import Requirement
from releases.version import Version, order

__all__ = ["NoVersion", "Requirement", "Version", "choose", "order"]
