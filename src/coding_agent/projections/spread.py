"""How numbers are spread: how many, p50, p95, max. By nearest rank, so that each figure is one that was measured."""

from __future__ import annotations

from collections.abc import Iterable

import attrs


@attrs.frozen(kw_only=True)
class Spread:
    """Of at least one number."""

    count: int
    p50: float
    p95: float
    max: float

    @property
    def tail(self) -> float | None:
        """max / p50: how much longer the slowest takes than the one in the middle; None where that takes no time."""
        return self.max / self.p50 if self.p50 > 0 else None


def spread(values: Iterable[float]) -> Spread | None:
    """None of no numbers."""
    ranked = sorted(values)
    if not ranked:
        return None
    return Spread(count=len(ranked), p50=_rank(ranked, 50), p95=_rank(ranked, 95), max=ranked[-1])


def _rank(ranked: list[float], percent: int) -> float:
    # Ceiling division in integers: 0.95 * 20 is not 19 in floating point.
    return ranked[-(-percent * len(ranked) // 100) - 1]
