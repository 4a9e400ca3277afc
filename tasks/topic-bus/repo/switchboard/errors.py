"""What goes wrong."""


class BusError(ValueError):
    """A topic or pattern that is none."""
