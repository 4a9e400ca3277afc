"""What to say later."""

import heapq
import itertools
import time


class Reminders:
    """Texts with the moment when they are due; of two that are due together the one that was added first comes first."""

    def __init__(self):
        self._waiting = []
        self._counter = itertools.count()

    def __len__(self):
        return len(self._waiting)

    def add(self, text, delay):
        """Due in `delay` seconds."""
        if delay < 0:
            raise ValueError("a reminder can not be due in the past")
        heapq.heappush(self._waiting, (time.time() + delay, next(self._counter), text))

    def due(self):
        """Take out what is due by now, in order."""
        now = time.time()
        texts = []
        while self._waiting and self._waiting[0][0] <= now:
            texts.append(heapq.heappop(self._waiting)[2])
        return texts

    def wait(self):
        """Seconds until the next one is due: 0 if one is, None if there is none."""
        if not self._waiting:
            return None
        return max(0, self._waiting[0][0] - time.time())
