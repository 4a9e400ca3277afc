"""A token bucket. Time is passed in, in seconds."""


class Bucket:
    """Holds at most `burst` tokens and gains `rate` a second. It starts full."""

    def __init__(self, rate, burst, now=0.0):
        if rate <= 0 or burst < 1:
            raise ValueError("rate must be positive and burst at least 1")
        self.rate = rate
        self.burst = burst
        self._tokens = float(burst)
        self._then = now

    def _refill(self, now):
        passed = max(0.0, now - self._then)
        self._tokens = max(self.burst, self._tokens + passed * self.rate)
        self._then = now

    def take(self, now, count=1):
        """Whether `count` tokens were there; then they are gone."""
        self._refill(now)
        if count > self._tokens:
            return False
        self._tokens -= count
        return True

    def wait(self, now, count=1):
        """Seconds until `count` tokens are there."""
        self._refill(now)
        return max(0.0, (count - self._tokens) / self.rate)
