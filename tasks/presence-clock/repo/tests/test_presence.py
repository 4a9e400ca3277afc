import time

import pytest

from presence import Reminders, Room, ago, report


@pytest.fixture
def set_time(monkeypatch):
    def set_it(now):
        monkeypatch.setattr(time, "time", lambda: now)

    set_it(1000)
    return set_it


def test_people_are_here_for_a_while(set_time):
    room = Room("lobby", 60)
    room.saw("bob")
    room.saw("ann")
    assert room.here() == ["ann", "bob"]
    set_time(1060)
    assert room.here() == []


def test_what_is_older_does_not_count(set_time):
    room = Room("lobby")
    room.saw("ann")
    room.saw("ann", when=10)
    assert room.last_seen() == [("ann", 1000)]


def test_reminders_come_when_they_are_due(set_time):
    reminders = Reminders()
    reminders.add("tea", 60)
    reminders.add("bread", 10)
    assert (reminders.due(), reminders.wait()) == ([], 10)
    set_time(1060)
    assert reminders.due() == ["bread", "tea"]
    assert reminders.wait() is None


def test_a_time_is_said_in_words(set_time):
    assert [ago(990), ago(940), ago(700)] == ["just now", "1 minute ago", "5 minutes ago"]


def test_a_room_is_reported(set_time):
    room = Room("lobby", idle=100)
    room.saw("ann", when=800)
    room.saw("bob")
    assert report(room) == "lobby: 1 here\n* bob, just now\n  ann, 3 minutes ago"
