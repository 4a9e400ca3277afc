"""How long to wait before the next attempt."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Backoff:
    """Exponential: `first` seconds, then `factor` times as long each time, never longer than `ceiling`."""

    first: float = 1
    factor: float = 2
    ceiling: float = 60
    jitter: float = 0.0

    def pause(self, attempt, draw=0.0):
        """Before attempt `attempt` (from 1); `draw` in [0, 1) spreads it by up to `jitter` of itself."""
        if attempt < 1:
            raise ValueError("attempts count from 1")
        plain = max(self.first * self.factor ** (attempt - 1), self.ceiling)
        return plain * (1 + self.jitter * draw)


def pauses(backoff, attempts):
    """The pauses of so many attempts, without jitter."""
    return [backoff.pause(attempt) for attempt in range(1, attempts + 1)]
