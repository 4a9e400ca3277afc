"""The loop around something that may fail."""

from again.backoff import Backoff


class GaveUp(Exception):
    """Every attempt failed; the last failure is the cause."""


def attempt(action, tries=5, backoff=Backoff(), sleep=lambda seconds: None, transient=(OSError,)):
    """Call `action` until it works, or `tries` times. Only transient failures are tried again."""
    for number in range(1, tries + 1):
        try:
            return action()
        except transient as error:
            if number == tries:
                raise GaveUp(f"{tries} attempts failed") from error
            sleep(backoff.pause(number))
    raise ValueError("tries must be at least 1")
