"""How long tests wait: for nothing that a busy machine only does later, and for nothing for ever."""

from __future__ import annotations

PATIENCE_S = 120.0
"""For what ends by itself."""
LIMITS_S = (0.5, 4.0, 30.0, 120.0)
"""For what never ends by itself: the next where a busy machine did not come to it within the one before."""
