"""One bucket per client."""

from throttle.bucket import Bucket


class Limiter:
    def __init__(self, rate, burst):
        self._rate, self._burst = rate, burst
        self._buckets = {}

    def allow(self, client, now):
        if client not in self._buckets:
            self._buckets[client] = Bucket(self._rate, self._burst, now)
        return self._buckets[client].take(now)

    def forget(self, now, idle):
        """Drop the clients that were idle for so many seconds."""
        for client, bucket in list(self._buckets.items()):
            if now - bucket._then >= idle:
                del self._buckets[client]
