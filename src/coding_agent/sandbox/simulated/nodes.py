"""A tree of files in memory, and the real runtime's ways through it: component by component, never by a symlink."""

from __future__ import annotations

import functools
import hashlib
import os
from collections.abc import Iterator

import attrs

from coding_agent.sandbox.base import Refused
from coding_agent.sandbox.runtime.paths import MAX_PATH, parts_of
from coding_agent.sandbox.runtime.refuse import Refuse
from coding_agent.sandbox.runtime.tree import ignored


@attrs.frozen
class File:
    """A regular file."""

    data: bytes
    executable: bool = False

    @functools.cached_property
    def sha256(self) -> bytes:
        return hashlib.sha256(self.data).digest()


@attrs.frozen
class Link:
    """A symbolic link."""

    target: bytes

    @functools.cached_property
    def sha256(self) -> bytes:
        return hashlib.sha256(self.target).digest()


@attrs.frozen
class Special:
    """A named pipe: there, but no state."""


@attrs.define
class Directory:
    """Names to nodes."""

    entries: dict[str, Node] = attrs.field(factory=dict)

    def copy(self) -> Directory:
        """Directories are copied, what they hold is shared: it never changes."""
        return Directory({n: e.copy() if isinstance(e, Directory) else e for n, e in self.entries.items()})


Node = File | Link | Special | Directory
MISSING, NOT_DIRECTORY = "No such file or directory", "Not a directory"


def parts(path: str, *, recorded: bool = False) -> list[str]:
    """The components of a relative path. Raises Refused, as the runtime does."""
    try:
        return parts_of(path, recorded=recorded)
    except Refuse as refuse:
        raise Refused(refuse.code, refuse.path, refuse.detail) from None  # type: ignore[arg-type]


def directory(root: Directory, names: list[str], path: str, *, create: bool = False) -> Directory:
    """The directory that `names` lead to. Raises Refused."""
    here = root
    for name in names:
        below = here.entries.get(name)
        if below is None:
            if not create:
                raise Refused("not_found", path, MISSING)
            below = here.entries[name] = Directory()
        if isinstance(below, Link):
            raise Refused("symlink", path, f"`{name}` is a symbolic link")
        if not isinstance(below, Directory):
            raise Refused("not_directory", path, NOT_DIRECTORY)
        here = below
    return here


def file(root: Directory, path: str) -> File:
    """The regular file of this path. Raises Refused."""
    names = parts(path)
    if not names:
        raise Refused("is_directory", path or ".")
    found = directory(root, names[:-1], path).entries.get(names[-1])
    match found:
        case File():
            return found
        case None:
            raise Refused("not_found", path)
        case Directory():
            raise Refused("is_directory", path)
        case Link():
            raise Refused("symlink", path)
        case Special():
            raise Refused("special_file", path)


def prune(root: Directory, names: list[str]) -> None:
    """Remove this directory and those above it, as far as they are empty."""
    for depth in range(len(names), 0, -1):
        try:
            above = directory(root, names[: depth - 1], "/".join(names))
        except Refused:
            continue
        below = above.entries.get(names[depth - 1])
        if below is None:
            continue
        if not isinstance(below, Directory) or below.entries:
            return
        del above.entries[names[depth - 1]]


def walk(root: Directory) -> Iterator[tuple[str, File | Link]]:
    """Every regular file and symlink that is state, in no order."""
    pending = [("", root)]
    while pending:
        prefix, folder = pending.pop()
        for name, node in folder.entries.items():
            path = f"{prefix}{name}"
            if ignored(name) or len(os.fsencode(path)) > MAX_PATH:
                continue
            if isinstance(node, Directory):
                pending.append((f"{path}/", node))
            elif isinstance(node, File | Link):
                yield path, node
