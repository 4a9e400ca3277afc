import time

import pytest

from presence import Reminders, Room, ago, report


class Clock:
    def __init__(self, now):
        self.now = now

    def __call__(self):
        return self.now


@pytest.fixture
def clock(monkeypatch):
    def forbidden():
        raise AssertionError("the system's clock was read")

    monkeypatch.setattr(time, "time", forbidden)
    return Clock(50)


def test_a_room_goes_by_its_clock(clock):
    room = Room("lobby", 60, clock=clock)
    room.saw("ann")
    clock.now = 109
    assert room.here() == ["ann"]
    clock.now = 110
    assert room.here() == []
    assert room.last_seen() == [("ann", 50)]


def test_the_reminders_of_a_room_go_by_its_clock(clock):
    room = Room("lobby", clock=clock)
    room.remind("ann", "tea", 5)
    assert (room.reminders.due(), room.reminders.wait()) == ([], 5)
    clock.now = 55
    assert room.reminders.due() == ["ann: tea"]


def test_reminders_have_a_clock_of_their_own(clock):
    reminders = Reminders(clock=clock)
    reminders.add("tea", 5)
    clock.now = 100
    assert reminders.wait() == 0
    assert reminders.due() == ["tea"]


def test_a_report_goes_by_the_clock_of_the_room(clock):
    room = Room("lobby", 100, clock=clock)
    room.saw("ann")
    clock.now = 50 + 7200
    room.saw("bob")
    assert report(room) == "lobby: 1 here\n* bob, just now\n  ann, 2 hours ago"


def test_ago_takes_a_clock(clock):
    clock.now = 86400 * 3
    assert ago(0, clock=clock) == "3 days ago"


def test_two_rooms_have_two_clocks(clock):
    other = Clock(1000)
    rooms = [Room("a", 10, clock=clock), Room("b", 10, clock=other)]
    for room in rooms:
        room.saw("ann")
    other.now = 2000
    assert [room.here() for room in rooms] == [["ann"], []]


def test_the_clock_is_named(clock):
    for make in (lambda: Room("a", 10, clock), lambda: Reminders(clock), lambda: ago(0, clock)):
        with pytest.raises(TypeError):
            make()


def test_time_stands_still_during_a_report():
    ticks = iter(range(0, 1000, 40))
    room = Room("lobby", 100, clock=lambda: next(ticks))
    for person in ("ann", "bob", "cid"):
        room.saw(person, when=0)
    assert report(room).count("just now") == 3


def test_without_a_clock_the_system_is_asked_each_time(monkeypatch):
    room, reminders = Room("lobby", 60), Reminders()
    monkeypatch.setattr(time, "time", lambda: 5000)
    room.saw("ann")
    reminders.add("tea", 1)
    assert room.last_seen() == [("ann", 5000)]
    assert (room.here(), reminders.wait(), ago(4000)) == (["ann"], 1, "16 minutes ago")
