"""Backends by name."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from coding_agent.errors import SandboxUnavailable, UsageError
from coding_agent.sandbox.base import SandboxBackend
from coding_agent.sandbox.bubblewrap import BubblewrapBackend
from coding_agent.sandbox.container import ContainerBackend
from coding_agent.sandbox.local import LocalBackend

KINDS = ("bubblewrap", "local", "container:IMAGE")


def make_backend(kind: str, *, hide: Iterable[Path] = ()) -> SandboxBackend:
    """Raises UsageError for an unknown kind, SandboxUnavailable where its sandboxes could read what they must not."""
    if kind == "bubblewrap":
        backend = BubblewrapBackend()
        for place in hide:
            if (inside := backend.shows(place)) is not None:
                raise SandboxUnavailable(
                    "hidden files",
                    f"{place.resolve()} lies in what every sandbox reads of this host, there as {inside}",
                    "keep tasks and run directories outside of /usr and of the folder of the Python installation",
                )
        return backend
    if kind == "local":
        return LocalBackend()
    name, _, image = kind.partition(":")
    if name == "container" and image:
        return ContainerBackend(image)
    raise UsageError(f"sandbox: expected one of {', '.join(KINDS)}, found {kind!r}")
