"""Where the hooks' operational log goes."""

from __future__ import annotations

import sys

import structlog

from coding_agent.rollout.oplog import processors


def log_to_stderr() -> None:
    # The default prints to stdout, which belongs to whoever started the trainer, and shows local variables.
    if not structlog.is_configured():
        structlog.configure(
            logger_factory=lambda *_: structlog.PrintLogger(sys.stderr),
            processors=processors(console=True, colours=sys.stderr.isatty()),
        )
