"""Rooms in words."""

import time

_UNITS = (("day", 86400), ("hour", 3600), ("minute", 60))


def ago(when):
    """How long ago that was: `just now`, `5 minutes ago`, `1 day ago`."""
    passed = time.time() - when
    for unit, seconds in _UNITS:
        count = int(passed // seconds)
        if count > 0:
            return f"{count} {unit}{'' if count == 1 else 's'} ago"
    return "just now"


def report(room):
    """A line per person, those who are here with a star."""
    here = set(room.here())
    lines = [f"{room.name}: {len(here)} here"]
    for person, when in room.last_seen():
        lines.append(f"{'*' if person in here else ' '} {person}, {ago(when)}")
    return "\n".join(lines)
