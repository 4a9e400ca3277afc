"""Names of topics."""

from switchboard.errors import BusError


def parts_of(topic):
    """The parts of a dotted name. Raises BusError."""
    parts = topic.split(".")
    if not all(parts):
        raise BusError(f"{topic!r}: a part is empty")
    return parts
