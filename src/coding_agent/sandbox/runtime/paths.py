"""Opening what a path names, without ever following a symlink: component by component, each below the last."""

from __future__ import annotations

import os
import stat

from .refuse import Refuse, refusal

DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
MAX_PATH = 4000
"""Bytes; longer paths can not be named and are not state."""


def parts_of(path: str, *, recorded: bool = False) -> list[str]:
    """The components of a relative path. Refuses what could leave the workspace or enter `.git`.

    `recorded`: as the tree recorded it, so that only `.git` itself is none of it; tools refuse every spelling.
    """
    try:
        raw = os.fsencode(path)
    except UnicodeEncodeError:
        raise Refuse("bad_name", path.encode("utf-8", "backslashreplace").decode()[:200]) from None
    if b"\0" in raw or len(raw) > MAX_PATH or any(len(part) > 255 for part in raw.split(b"/")):
        raise Refuse("bad_name", path.replace("\0", "\\0")[:200])
    if path.startswith("/"):
        raise Refuse("outside", path, "paths are relative to the workspace")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise Refuse("outside", path, "`..` is not allowed")
    if any((part if recorded else part.lower()) == ".git" for part in parts):
        raise Refuse("git_dir", path)
    return parts


def open_directory(root: str, parts: list[str], path: str, *, create: bool = False) -> int:
    """A descriptor of the directory that `parts` name. Raises Refuse."""
    fd = os.open(root, DIRECTORY)
    for part in parts:
        try:
            try:
                below = os.open(part, DIRECTORY, dir_fd=fd)
            except FileNotFoundError:
                if not create:
                    raise
                os.mkdir(part, 0o755, dir_fd=fd)
                below = os.open(part, DIRECTORY, dir_fd=fd)
        except OSError as error:
            kind = _kind(fd, part)
            os.close(fd)
            if kind == "symlink":
                raise Refuse("symlink", path, "`%s` is a symbolic link" % part) from error
            raise refusal(error, path) from error
        os.close(fd)
        fd = below
    return fd


def open_parent(root: str, path: str, *, create: bool = False) -> tuple[int, str]:
    """(descriptor of the parent directory, last component). Raises Refuse."""
    parts = parts_of(path)
    if not parts:
        raise Refuse("is_directory", path or ".")
    return open_directory(root, parts[:-1], path, create=create), parts[-1]


def open_file(parent: int, name: str, path: str) -> int:
    """A descriptor of a regular file. Raises Refuse for anything else."""
    kind = _kind(parent, name)
    if kind == "missing":
        raise Refuse("not_found", path)
    if kind != "file":
        raise Refuse({"directory": "is_directory", "symlink": "symlink"}.get(kind, "special_file"), path)
    try:
        return os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=parent)
    except OSError as error:
        raise refusal(error, path) from error


def mode_of(parent: int, name: str) -> int:
    """The mode of what has this name, itself and not what it points to; 0 for nothing."""
    try:
        return os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode
    except FileNotFoundError:
        return 0


def create_file(parent: int, name: str, data: bytes, *, executable: bool) -> None:
    """A new regular file. Raises OSError."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(name, flags, 0o600, dir_fd=parent), "wb") as file:
        file.write(data)
        file.flush()
        os.fchmod(file.fileno(), 0o755 if executable else 0o644)


def prune(root: str, parts: list[str]) -> None:
    """Remove this directory and those above it, as far as they are empty."""
    above = -1
    for depth in range(len(parts), 0, -1):
        try:
            # From the root for the first only: two thousand levels would take two million steps.
            above = _up(above) if above >= 0 else open_directory(root, parts[: depth - 1], "/".join(parts))
        except Refuse:
            continue
        try:
            os.rmdir(parts[depth - 1], dir_fd=above)
        except FileNotFoundError:
            continue
        except OSError:
            break
    if above >= 0:
        os.close(above)


def _up(fd: int) -> int:
    try:
        return os.open("..", DIRECTORY, dir_fd=fd)
    finally:
        os.close(fd)


def _kind(parent: int, name: str) -> str:
    try:
        mode = mode_of(parent, name)
    except OSError:
        return "missing"
    if not mode:
        return "missing"
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "directory"
    return "symlink" if stat.S_ISLNK(mode) else "special"
