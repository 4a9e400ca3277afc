import pytest

from switchboard import Bus, BusError, Journal


def test_a_subscriber_gets_its_topic():
    bus, got = Bus(), []
    bus.subscribe("a.b", lambda topic, payload: got.append((topic, payload)))
    assert bus.publish("a.b", 1) == 1
    assert bus.publish("a.c", 2) == 0
    assert got == [("a.b", 1)]


def test_a_journal_delivers_again():
    journal = Journal()
    Bus(journal).publish("a", 1)
    got = []
    assert journal.replay(lambda *event: got.append(event), "a") == 1
    assert got == [("a", 1)]


def test_an_empty_part_is_refused():
    with pytest.raises(BusError):
        Bus().publish("a..b")
