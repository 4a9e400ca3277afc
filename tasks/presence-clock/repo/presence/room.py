"""Who is in a room."""

import time

from presence.reminders import Reminders


class Room:
    """People who did something within the last `idle` seconds are here."""

    def __init__(self, name, idle=300):
        self.name = name
        self.reminders = Reminders()
        self._idle = idle
        self._seen = {}

    def saw(self, person, when=None):
        """Somebody did something: at `when`, or just now. What is older than what is known does not count."""
        when = time.time() if when is None else when
        self._seen[person] = max(when, self._seen.get(person, when))

    def leave(self, person):
        self._seen.pop(person, None)

    def here(self):
        """The people who are here, by name."""
        now = time.time()
        return sorted(person for person, when in self._seen.items() if now - when < self._idle)

    def last_seen(self):
        """(person, when) for everybody who did not leave, most recent first, then by name."""
        return sorted(self._seen.items(), key=lambda entry: (-entry[1], entry[0]))

    def remind(self, person, text, delay):
        """Remember to tell somebody something in `delay` seconds."""
        self.reminders.add(f"{person}: {text}", delay)
