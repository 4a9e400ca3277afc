"""The bus."""

from switchboard.topics import parts_of


class Bus:
    """Calls subscribers with (topic, payload)."""

    def __init__(self, journal=None):
        self._subscriptions = []
        self._journal = journal

    def subscribe(self, topic, subscriber):
        parts_of(topic)
        self._subscriptions.append((topic, subscriber))

    def unsubscribe(self, subscriber):
        self._subscriptions = [(topic, each) for topic, each in self._subscriptions if each is not subscriber]

    def publish(self, topic, payload=None):
        """How many subscribers were called."""
        parts_of(topic)
        if self._journal is not None:
            self._journal.append(topic, payload)
        called = 0
        for wanted, subscriber in list(self._subscriptions):
            if wanted == topic:
                subscriber(topic, payload)
                called += 1
        return called
