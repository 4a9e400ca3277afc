"""What was published."""


class Journal:
    def __init__(self):
        self._entries = []

    def append(self, topic, payload):
        self._entries.append((topic, payload))

    def replay(self, subscriber, topic=None):
        """Deliver again, all of it or one topic; how many were delivered."""
        chosen = [entry for entry in self._entries if topic is None or entry[0] == topic]
        for name, payload in chosen:
            subscriber(name, payload)
        return len(chosen)
