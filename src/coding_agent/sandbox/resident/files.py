"""File operations: read, list, edit, apply. Edits are all or nothing; nothing follows a symlink."""

from __future__ import annotations

import hashlib
import os
import stat
from typing import Any, Dict, List, Optional, Tuple

from .paths import open_directory, open_file, open_parent, parts_of
from .refuse import Refuse, refusal
from .tree import ignored

Message = Dict[str, Any]


def read(root: str, path: str, max_bytes: int) -> Message:
    """The first `max_bytes` of a regular file, with the size and hash of the whole."""
    parent, name = open_parent(root, path)
    try:
        fd = open_file(parent, name, path)
    finally:
        os.close(parent)
    with os.fdopen(fd, "rb") as file:
        info = os.fstat(fd)
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
    entries: List[Message] = []
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


def _rows(root: str, folder: str) -> List[Message]:
    rows = []
    try:
        entries = [entry for entry in os.scandir(os.path.join(root, folder)) if not ignored(entry.name)]
    except OSError:
        return []
    for entry in entries:
        info = entry.stat(follow_symlinks=False)
        full = os.path.join(root, folder, entry.name)
        row = {"path": folder + "/" + entry.name if folder else entry.name, "size": info.st_size, "target": ""}
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


def edit(root: str, edits: List[Message]) -> None:
    """Carry out every edit or none. Raises Refuse naming the first path that can not be edited."""
    paths = ["/".join(parts_of(each["path"])) for each in edits]
    if len(set(paths)) != len(paths):
        raise Refuse("exists", max(paths, key=paths.count), "edited twice in one request")
    plans = [_plan(root, path, each) for path, each in zip(paths, edits)]
    undo: List[Tuple[str, Optional[bytes], int]] = []
    try:
        # Deletions first, so that a file may give way to a directory of the same name.
        for path, new, mode, old, old_mode in sorted(plans, key=lambda plan: plan[1] is not None):
            undo.append((path, old, old_mode))
            put(root, path, new, mode)
    except (OSError, Refuse) as error:
        for path, old, old_mode in reversed(undo):
            put(root, path, old, old_mode)
        raise error if isinstance(error, Refuse) else refusal(error, path) from error


def _plan(root: str, path: str, wanted: Message) -> Tuple[str, Optional[bytes], int, Optional[bytes], int]:
    old: Optional[bytes] = None
    old_mode = 0o644
    try:
        found = read(root, path, 1 << 30)
        old, old_mode = found["data"], 0o755 if found["executable"] else 0o644
    except Refuse as refused:
        if refused.code not in ("not_found", "not_directory"):
            raise
    expected = wanted["expected_sha256"]
    if expected is None and old is not None:
        raise Refuse("exists", path)
    if expected is not None and old is None and not (expected == "any" and wanted["data"] is not None):
        raise Refuse("not_found", path)
    if expected not in (None, "any") and old is not None and hashlib.sha256(old).hexdigest() != expected:
        raise Refuse("changed", path, "the file is not what the edit was computed from")
    executable = wanted["executable"]
    mode = old_mode if executable is None else 0o755 if executable else 0o644
    return path, wanted["data"], mode, old, old_mode


def put(root: str, path: str, data: Optional[bytes], mode: int) -> None:
    """Make `path` a regular file with this content, or (None) nothing, and drop directories left empty."""
    try:
        parent, name = open_parent(root, path, create=data is not None)
    except Refuse as refused:
        if data is None and refused.code == "not_found":
            return
        raise
    try:
        if data is None:
            try:
                os.unlink(name, dir_fd=parent)
            except FileNotFoundError:
                pass
        else:
            _replace(parent, name, data, mode)
    finally:
        os.close(parent)
    if data is None:
        prune(root, path)


def _replace(parent: int, name: str, data: bytes, mode: int) -> None:
    temporary = ".~%d" % os.getpid()
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC
    fd = os.open(temporary, flags, mode, dir_fd=parent)
    try:
        with os.fdopen(fd, "wb") as file:
            file.write(data)
            os.fchmod(file.fileno(), mode)
        os.rename(temporary, name, src_dir_fd=parent, dst_dir_fd=parent)
    except OSError:
        os.unlink(temporary, dir_fd=parent)
        raise


def prune(root: str, path: str) -> None:
    """Remove the directories above `path` that are empty now."""
    parts = parts_of(path)[:-1]
    while parts:
        try:
            os.rmdir(os.path.join(root, *parts))
        except OSError:
            return
        parts.pop()


def apply(root: str, changes: List[Message]) -> None:
    """Bring paths to recorded states: deletions first, deepest first; then the rest."""
    for change in sorted(changes, key=lambda c: (c["kind"] != "delete", c["path"])):
        path, kind = change["path"], change["kind"]
        parent, name = open_parent(root, path, create=kind != "delete")
        try:
            mode = 0o755 if change["executable"] else 0o644
            if kind == "mode":
                os.chmod(name, mode, dir_fd=parent)
                continue
            try:
                os.unlink(name, dir_fd=parent)
            except FileNotFoundError:
                pass
            if kind == "symlink":
                os.symlink(change["data"], os.fsencode(name), dir_fd=parent)
            elif kind != "delete":
                _replace(parent, name, change["data"], mode)
        except OSError as error:
            raise refusal(error, path) from error
        finally:
            os.close(parent)
        if kind == "delete":
            prune(root, path)
