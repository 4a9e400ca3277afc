"""Where the hooks' operational log goes."""

from __future__ import annotations

import logging
import sys

import structlog

from coding_agent.rollout.oplog import processors


def log_to_stderr() -> None:
    """Ours to stderr, and of each request to the model nothing, unless somebody has asked for it."""
    # AReno lets every library print at this level.
    client = logging.getLogger("httpx")
    client.setLevel(client.level or logging.WARNING)
    # The default prints to stdout, which belongs to whoever started the trainer, and shows local variables.
    if not structlog.is_configured():
        structlog.configure(
            logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
            processors=processors(console=True, colours=sys.stderr.isatty()),
        )
