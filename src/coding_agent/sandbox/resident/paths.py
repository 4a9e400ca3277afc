"""Opening what a path names, without ever following a symlink: component by component, each below the last."""

from __future__ import annotations

import os
import stat
from typing import List, Tuple

from .refuse import Refuse, refusal

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def parts_of(path: str) -> List[str]:
    """The components of a relative path. Refuses what could leave the workspace or enter `.git`."""
    if "\0" in path or len(path) > 4000:
        raise Refuse("bad_name", path.replace("\0", "\\0")[:200])
    if path.startswith(("/", "~")):
        raise Refuse("outside", path, "paths are relative to the workspace")
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts:
        raise Refuse("outside", path, "`..` is not allowed")
    if any(part.lower() == ".git" for part in parts):
        raise Refuse("git_dir", path)
    return parts


def open_directory(root: str, parts: List[str], path: str, *, create: bool = False) -> int:
    """A descriptor of the directory that `parts` name. Raises Refuse."""
    fd = os.open(root, _DIRECTORY)
    for part in parts:
        try:
            try:
                below = os.open(part, _DIRECTORY, dir_fd=fd)
            except FileNotFoundError:
                if not create:
                    raise
                os.mkdir(part, 0o755, dir_fd=fd)
                below = os.open(part, _DIRECTORY, dir_fd=fd)
        except OSError as error:
            kind = _kind(fd, part)
            os.close(fd)
            if kind == "symlink":
                raise Refuse("symlink", path, "`%s` is a symbolic link" % part) from error
            raise refusal(error, path) from error
        os.close(fd)
        fd = below
    return fd


def open_parent(root: str, path: str, *, create: bool = False) -> Tuple[int, str]:
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


def _kind(parent: int, name: str) -> str:
    try:
        mode = os.stat(name, dir_fd=parent, follow_symlinks=False).st_mode
    except OSError:
        return "missing"
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "directory"
    return "symlink" if stat.S_ISLNK(mode) else "special"
