"""Backends by name."""

from __future__ import annotations

from coding_agent.errors import UsageError
from coding_agent.sandbox.base import SandboxBackend
from coding_agent.sandbox.bubblewrap import BubblewrapBackend
from coding_agent.sandbox.container import ContainerBackend
from coding_agent.sandbox.local import LocalBackend

KINDS = ("bubblewrap", "local", "container:IMAGE")


def make_backend(kind: str) -> SandboxBackend:
    """Raises UsageError for an unknown kind."""
    if kind == "bubblewrap":
        return BubblewrapBackend()
    if kind == "local":
        return LocalBackend()
    name, _, image = kind.partition(":")
    if name == "container" and image:
        return ContainerBackend(image)
    raise UsageError(f"sandbox: expected one of {', '.join(KINDS)}, found {kind!r}")
