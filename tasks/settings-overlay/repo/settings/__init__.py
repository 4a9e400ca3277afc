"""Layered settings."""

from settings.layers import Layers, overlay
from settings.paths import lookup

__all__ = ["Layers", "lookup", "overlay"]
