import pytest

from switchboard import Bus, BusError, Journal


@pytest.mark.parametrize(
    ("pattern", "topic", "fits"),
    [
        ("order.*.eu", "order.paid.eu", True), ("order.*.eu", "order.eu", False), ("order.*", "order.a.b", False),
        ("order.#", "order", True), ("order.#", "order.a.b", True), ("order.#", "orders", False), ("#", "x.y", True),
        ("*", "x.y", False), ("*.#", "x", True),
    ],
)
def test_patterns(pattern, topic, fits):
    bus, got = Bus(), []
    bus.subscribe(pattern, lambda *event: got.append(event))
    assert bus.publish(topic, 1) == int(fits)
    assert bool(got) == fits


def test_a_subscriber_is_called_once_and_in_order():
    bus, got = Bus(), []

    def first(*_):
        got.append("first")

    def second(*_):
        got.append("second")

    bus.subscribe("a.*", first)
    bus.subscribe("a.b", second)
    bus.subscribe("#", first)
    assert bus.publish("a.b") == 2
    assert got == ["first", "second"]
    bus.unsubscribe(first)
    assert bus.publish("a.b") == 1


def test_a_method_is_one_subscriber_however_often_it_is_named():
    class Counter:
        def __init__(self):
            self.events = 0

        def count(self, *_):
            self.events += 1

    bus, counter = Bus(), Counter()
    bus.subscribe("a.*", counter.count)
    bus.subscribe("a.#", counter.count)
    assert bus.publish("a.b") == counter.events == 1
    bus.unsubscribe(counter.count)
    assert bus.publish("a.b") == 0


@pytest.mark.parametrize("pattern", ["a.#.b", "a..b", "", "a*", "#x"])
def test_a_pattern_that_is_none_is_refused(pattern):
    with pytest.raises(BusError):
        Bus().subscribe(pattern, print)


@pytest.mark.parametrize("topic", ["a.*", "#", "a.b#"])
def test_a_topic_has_no_wildcards(topic):
    with pytest.raises(BusError):
        Bus().publish(topic)


def test_the_journal_understands_patterns():
    journal = Journal()
    bus = Bus(journal)
    for topic in ("a.b", "a.c", "b"):
        bus.publish(topic)
    got = []
    assert journal.replay(lambda topic, _: got.append(topic), "a.*") == 2
    assert got == ["a.b", "a.c"]
    assert journal.replay(lambda *_: None) == 3
