"""Where the hooks' operational log goes."""

from __future__ import annotations

import logging
import sys
from contextlib import suppress
from typing import TextIO, cast

import structlog

from coding_agent.rollout.oplog import processors

LOST = (OSError, ValueError, AttributeError)
"""What writing raises: a full disk; a stream that was closed since; one that was closed before Python began."""


def log_to_stderr() -> None:
    """Ours to stderr, and of each request to the model nothing, unless somebody has asked for it."""
    # AReno lets every library print at this level.
    client = logging.getLogger("httpx")
    client.setLevel(client.level or logging.WARNING)
    # The default prints to stdout, which belongs to whoever started the trainer, and shows local variables.
    if not structlog.is_configured():
        structlog.configure(
            logger_factory=lambda *_: structlog.PrintLogger(cast("TextIO", _Stderr())),
            processors=processors(console=True, colours=sys.stderr is not None and sys.stderr.isatty()),
        )


class _Stderr:
    """The stderr of the moment. A line that it can not take, on a disk that is full, is lost and costs no step."""

    def write(self, text: str) -> None:
        with suppress(*LOST):
            sys.stderr.write(text)

    def flush(self) -> None:
        with suppress(*LOST):
            sys.stderr.flush()
