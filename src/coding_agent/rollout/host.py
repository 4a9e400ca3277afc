"""What a process that plays many episodes asks of its host."""

from __future__ import annotations

import resource


def allow_files() -> None:
    """As many open files as this host allows: each episode takes a few, and the usual 1024 is soon used up."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
