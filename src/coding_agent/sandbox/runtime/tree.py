"""The state of a workspace: its digest, and what changed since it was last looked at.

The digest is SHA-256 over, for each path in byte order: one byte of kind (`F` file, `X` executable file, `L` symlink),
the path's length as 8 bytes big-endian, the path, and the SHA-256 of its content (of a symlink: its target). Not state
are times, owners, other mode bits, empty directories, devices, sockets and pipes, paths of more than 4000 bytes, and
whatever has one of the `IGNORED` names.
"""

from __future__ import annotations

import hashlib
import os
import stat
import time
from collections.abc import Iterable, Iterator
from typing import Any, Tuple

from .refuse import Refuse

IGNORED = frozenset({".git", "__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis"})
"""Directories and files of these names, anywhere, and `*.pyc`, are left out of digest, changes and listings."""
MAX_CHANGED_BYTES = 64 << 20
MAX_CHANGED_FILES = 20000
MAX_CHANGED_NAMES = 4 << 20
"""Bytes of all paths, and of what links say: these are written into a line of the log, none of them elsewhere."""
RACY_NS = 50_000_000
"""A file this young may change once more within the same tick of the clock: what it says is not remembered."""
MAX_PATH = 4000

Entry = Tuple[bytes, str, bytes]
"""(kind byte, path, SHA-256 of the content)"""
Signature = Tuple[int, int, int, int, int]
NEVER = (0, 0, 0, 0, 0)
"""The signature of no file."""


def ignored(name: str) -> bool:
    return name in IGNORED or name.endswith(".pyc")


def digest(entries: Iterable[Entry]) -> str:
    """The digest of a tree."""
    sha = hashlib.sha256()
    for kind, path, content in sorted(entries, key=lambda entry: os.fsencode(entry[1])):
        raw = os.fsencode(path)
        sha.update(kind + len(raw).to_bytes(8, "big") + raw + content)
    return sha.hexdigest()


class Watched:
    """One workspace and the state in which it was last seen."""

    def __init__(self, root: str) -> None:
        self.root = root
        self._seen: dict[str, tuple[Signature, bytes, bytes]] = {}

    def forget(self) -> str:
        """Take the present state as the one that later changes are told from; returns its digest."""
        self._seen = {path: (sig, kind, sha) for path, sig, kind, sha, _ in self._scan(want_data=False)}
        return digest((kind, path, sha) for path, (_, kind, sha) in self._seen.items())

    def digests(self) -> dict[str, str]:
        """SHA-256 in hexadecimal of every regular file, by path; what was seen stays what was seen."""
        return {path: sha.hex() for path, _, kind, sha, _ in self._scan(want_data=False) if kind != b"L"}

    def changes(self) -> tuple[list[dict[str, Any]], str]:
        """(what is different, digest), and take the present state as seen. Raises Refuse when it is too much."""
        before, now = self._seen, {}
        changed: list[dict[str, Any]] = []
        size = 0
        for path, sig, kind, sha, data in self._scan(want_data=True):
            now[path] = (sig, kind, sha)
            old = before.get(path)
            if old is None or old[1:] != (kind, sha):
                change = _change(path, old, kind, sha, data)
                size += len(change["data"] or b"")
                changed.append(change)
            if size > MAX_CHANGED_BYTES or len(changed) > MAX_CHANGED_FILES:
                limit = "%d bytes or %d files" % (MAX_CHANGED_BYTES, MAX_CHANGED_FILES)
                raise Refuse("too_large", ".", "one call changed more than " + limit)
        gone = [path for path in before if path not in now]
        changed += [{"path": p, "kind": "delete", "data": None, "executable": False} for p in gone]
        if sum(map(_named, changed)) > MAX_CHANGED_NAMES:
            raise Refuse(
                "too_large", ".", "the names of what one call changed are more than %d bytes" % MAX_CHANGED_NAMES
            )
        self._seen = now
        changed.sort(key=lambda change: os.fsencode(change["path"]))
        return changed, digest((kind, path, sha) for path, (_, kind, sha) in now.items())

    def _scan(self, *, want_data: bool) -> Iterator[tuple[str, Signature, bytes, bytes, bytes | None]]:
        racy = time.time_ns() - RACY_NS
        for path, info in walk(self.root):
            sig = (info.st_mode, info.st_size, info.st_mtime_ns, info.st_ctime_ns, info.st_ino)
            old = self._seen.get(path)
            if old is not None and old[0] == sig:
                yield path, sig, old[1], old[2], None
                continue
            if max(info.st_mtime_ns, info.st_ctime_ns) > racy:
                sig = NEVER
            full = os.path.join(self.root, path)
            if stat.S_ISLNK(info.st_mode):
                kind, data = b"L", os.fsencode(os.readlink(full))
            else:
                kind = b"X" if info.st_mode & 0o100 else b"F"
                if info.st_size > MAX_CHANGED_BYTES:
                    raise Refuse("too_large", path, "%d bytes in one file" % info.st_size)
                data = _content(full)
            yield path, sig, kind, hashlib.sha256(data).digest(), data if want_data else None


def walk(root: str) -> Iterator[tuple[str, os.stat_result]]:
    """Every regular file and symlink below `root` that is state, in no order."""
    pending = [""]
    while pending:
        folder = pending.pop()
        for entry in _entries(os.path.join(root, folder)):
            path = folder + "/" + entry.name if folder else entry.name
            if ignored(entry.name) or len(os.fsencode(path)) > MAX_PATH:
                continue
            info = stat_of(entry)
            if stat.S_ISDIR(info.st_mode):
                pending.append(path)
            elif stat.S_ISREG(info.st_mode) or stat.S_ISLNK(info.st_mode):
                yield path, info


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        return list(os.scandir(folder))
    except PermissionError:
        # What an agent has made unreadable is still its state.
        os.chmod(folder, 0o700)
        return list(os.scandir(folder))


def stat_of(entry: os.DirEntry[str]) -> os.stat_result:
    """Of itself, not of what it points to."""
    try:
        return entry.stat(follow_symlinks=False)
    except PermissionError:
        # It can be listed, and not be gone into.
        os.chmod(os.path.dirname(entry.path), 0o700)
        return entry.stat(follow_symlinks=False)


def _content(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except PermissionError:
        os.chmod(path, os.stat(path).st_mode & 0o777 | 0o400)
        with open(path, "rb") as file:
            return file.read()


def _named(change: dict[str, Any]) -> int:
    """Bytes of its path, and of the target of a link."""
    return len(os.fsencode(change["path"])) + (len(change["data"]) if change["kind"] == "symlink" else 0)


def _change(
    path: str, old: tuple[Signature, bytes, bytes] | None, kind: bytes, sha: bytes, data: bytes | None
) -> dict[str, Any]:
    change = {"path": path, "data": data, "executable": kind == b"X"}
    if kind == b"L":
        change["kind"] = "symlink"
    elif old is None:
        change["kind"] = "add"
    elif old[2] == sha and old[1] != b"L":
        change["kind"], change["data"] = "mode", None
    else:
        change["kind"] = "modify"
    return change
