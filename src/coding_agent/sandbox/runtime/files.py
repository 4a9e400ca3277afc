"""File operations: read, list, apply. Nothing follows a symlink."""

from __future__ import annotations

import hashlib
import os
import stat
from typing import Any, Dict

from .paths import DIRECTORY, create_file, mode_of, open_directory, open_file, open_parent, parts_of, prune
from .refuse import Refuse, refusal
from .tree import MAX_PATH, ignored, stat_of

Message = Dict[str, Any]
MAX_READ = 256 << 20
"""No file that a process may write is larger; a sparse one of a terabyte could not be hashed."""


def read(root: str, path: str, max_bytes: int) -> Message:
    """The first `max_bytes` of a regular file, with the size and hash of the whole. Raises Refuse."""
    parent, name = open_parent(root, path)
    try:
        fd = open_file(parent, name, path)
    finally:
        os.close(parent)
    with os.fdopen(fd, "rb") as file:
        info = os.fstat(fd)
        if info.st_size > MAX_READ:
            raise Refuse("too_large", path, "%d bytes; at most %d can be read" % (info.st_size, MAX_READ))
        sha, data = hashlib.sha256(), b""
        while True:
            chunk = file.read(1 << 20)
            if not chunk:
                break
            sha.update(chunk)
            data += chunk[: max(0, max_bytes - len(data))]
    executable = bool(info.st_mode & 0o100)
    return {"data": data, "size": info.st_size, "sha256": sha.hexdigest(), "executable": executable}


def list_tree(root: str, path: str, depth: int, max_entries: int) -> Message:
    """The tree under `path`: within a directory, directories first, then the rest, each by name."""
    parts = parts_of(path)
    os.close(open_directory(root, parts, path))
    return _listing(root, "/".join(parts), depth, max_entries)


def _listing(root: str, prefix: str, depth: int, max_entries: int) -> Message:
    entries: list[Message] = []
    omitted = 0
    stack = [(row, 1) for row in reversed(_rows(root, prefix))]
    while stack:
        row, level = stack.pop()
        if len(entries) < max_entries:
            entries.append(row)
        else:
            omitted += 1
        if row["kind"] == "directory" and level < depth:
            below = _rows(root, row["path"])
            row["size"] = -1
            stack += [(each, level + 1) for each in reversed(below)]
    return {"entries": entries, "omitted": omitted}


def _rows(root: str, folder: str) -> list[Message]:
    rows = []
    try:
        entries = [entry for entry in os.scandir(os.path.join(root, folder)) if not ignored(entry.name)]
    except OSError:
        return []
    for entry in entries:
        path, full = folder + "/" + entry.name if folder else entry.name, os.path.join(root, folder, entry.name)
        if len(os.fsencode(path)) > MAX_PATH:
            continue
        info = stat_of(entry)
        row = {"path": path, "size": info.st_size, "target": ""}
        if stat.S_ISDIR(info.st_mode):
            row["kind"], row["size"] = "directory", _count(full)
        elif stat.S_ISLNK(info.st_mode):
            row["kind"], row["target"] = "symlink", os.readlink(full)
        else:
            row["kind"] = "file" if stat.S_ISREG(info.st_mode) else "special"
        rows.append(row)
    rows.sort(key=lambda row: (row["kind"] != "directory", os.fsencode(str(row["path"]))))
    return rows


def _count(folder: str) -> int:
    try:
        return sum(not ignored(name) for name in os.listdir(folder))
    except OSError:
        return 0


def apply(root: str, changes: list[Message]) -> None:
    """Bring paths to recorded states: deletions first; then the rest, whatever stands in the way."""
    for change in changes:
        if not parts_of(change["path"], recorded=True):
            raise Refuse("is_directory", change["path"] or ".")
    reached: set[str] = set()
    for change in sorted(changes, key=lambda c: (c["kind"] != "delete", os.fsencode(c["path"]))):
        try:
            if change["kind"] == "delete":
                _delete(root, parts_of(change["path"], recorded=True))
            else:
                _bring(root, change, reached)
        except OSError as error:
            raise refusal(error, change["path"]) from error


def _bring(root: str, change: Message, reached: set[str]) -> None:
    path, parts = change["path"], parts_of(change["path"], recorded=True)
    parent, name = _parents(root, parts[:-1], reached), parts[-1]
    try:
        if change["kind"] == "mode":
            fd = open_file(parent, name, path)
            os.fchmod(fd, 0o755 if change["executable"] else 0o644)
            os.close(fd)
            return
        clear(parent, name)
        if change["kind"] == "symlink":
            os.symlink(change["data"], os.fsencode(name), dir_fd=parent)
        else:
            create_file(parent, name, change["data"], executable=change["executable"])
    finally:
        os.close(parent)


def _parents(root: str, parts: list[str], reached: set[str]) -> int:
    """The directory, made where it is missing; what is no directory on the way gives way to one.

    `reached`: those that the same request has been to. Going there step by step, for each of thousands of files two
    thousand levels down, takes minutes.
    """
    folder = "/".join(parts)
    while folder and folder not in reached:
        folder = folder.rpartition("/")[0]
    fd = open_directory(root, [], ".")
    if folder:
        top, fd = fd, os.open(folder, DIRECTORY, dir_fd=fd)
        os.close(top)
    for part in parts[folder.count("/") + 1 if folder else 0 :]:
        mode = mode_of(fd, part)
        if mode and not stat.S_ISDIR(mode):
            os.unlink(part, dir_fd=fd)
            mode = 0
        if not mode:
            os.mkdir(part, 0o755, dir_fd=fd)
        below = os.open(part, DIRECTORY, dir_fd=fd)
        os.close(fd)
        fd = below
        folder = folder + "/" + part if folder else part
        reached.add(folder)
    return fd


def _delete(root: str, parts: list[str]) -> None:
    try:
        parent = open_directory(root, parts[:-1], "/".join(parts))
    except Refuse:
        return
    try:
        mode = mode_of(parent, parts[-1])
        if mode and not stat.S_ISDIR(mode):
            os.unlink(parts[-1], dir_fd=parent)
    finally:
        os.close(parent)
    prune(root, parts[:-1])


def clear(parent: int, name: str) -> None:
    """Remove whatever has this name, without following it."""
    mode = mode_of(parent, name)
    if mode and not stat.S_ISDIR(mode):
        os.unlink(name, dir_fd=parent)
    elif mode:
        inside = os.open(name, DIRECTORY, dir_fd=parent)
        try:
            for below in os.listdir(inside):
                clear(inside, below)
        finally:
            os.close(inside)
        os.rmdir(name, dir_fd=parent)
