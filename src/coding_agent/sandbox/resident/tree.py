"""The state of a workspace: its digest, and what changed since it was last looked at.

The digest is SHA-256 over, for each path in byte order: one byte of kind (`F` file, `X` executable file, `L` symlink),
the path's length as 8 bytes big-endian, the path, and the SHA-256 of its content (of a symlink: its target). Times,
owners, other mode bits, empty directories, and devices, sockets and pipes are not state; nor are `IGNORED` names.
"""

from __future__ import annotations

import hashlib
import os
import stat
from typing import Any, Dict, Iterable, Iterator, List, Optional, Tuple

from .refuse import Refuse

IGNORED = frozenset({".git", "__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".hypothesis"})
"""Directories and files of these names, anywhere, and `*.pyc`, are left out of digest, changes and listings."""
MAX_CHANGED_BYTES = 64 << 20
MAX_CHANGED_FILES = 20000

Entry = Tuple[bytes, str, bytes]
"""(kind byte, path, SHA-256 of the content)"""
Signature = Tuple[int, int, int, int, int]


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
        self._seen: Dict[str, Tuple[Signature, bytes, bytes]] = {}

    def forget(self) -> str:
        """Take the present state as the one that later changes are told from; returns its digest."""
        self._seen = {path: (sig, kind, sha) for path, sig, kind, sha, _ in self._scan(want_data=False)}
        return digest((kind, path, sha) for path, (_, kind, sha) in self._seen.items())

    def changes(self) -> Tuple[List[Dict[str, Any]], str]:
        """(what is different, digest), and take the present state as seen. Raises Refuse when it is too much."""
        before, now = self._seen, {}
        changed: List[Dict[str, Any]] = []
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
        self._seen = now
        changed.sort(key=lambda change: os.fsencode(change["path"]))
        return changed, digest((kind, path, sha) for path, (_, kind, sha) in now.items())

    def _scan(self, *, want_data: bool) -> Iterator[Tuple[str, Signature, bytes, bytes, Optional[bytes]]]:
        for path, info in walk(self.root):
            sig = (info.st_mode, info.st_size, info.st_mtime_ns, info.st_ctime_ns, info.st_ino)
            old = self._seen.get(path)
            if old is not None and old[0] == sig:
                yield path, sig, old[1], old[2], None
                continue
            full = os.path.join(self.root, path)
            if stat.S_ISLNK(info.st_mode):
                kind, data = b"L", os.fsencode(os.readlink(full))
            else:
                kind = b"X" if info.st_mode & 0o100 else b"F"
                if info.st_size > MAX_CHANGED_BYTES:
                    raise Refuse("too_large", path, "%d bytes in one file" % info.st_size)
                data = _content(full)
            yield path, sig, kind, hashlib.sha256(data).digest(), data if want_data else None


def walk(root: str) -> Iterator[Tuple[str, os.stat_result]]:
    """Every regular file and symlink below `root` that is state, in no order."""
    pending = [""]
    while pending:
        folder = pending.pop()
        try:
            entries = list(os.scandir(os.path.join(root, folder)))
        except PermissionError:
            os.chmod(os.path.join(root, folder), 0o700)
            entries = list(os.scandir(os.path.join(root, folder)))
        for entry in entries:
            if ignored(entry.name):
                continue
            path = folder + "/" + entry.name if folder else entry.name
            info = entry.stat(follow_symlinks=False)
            if stat.S_ISDIR(info.st_mode):
                pending.append(path)
            elif stat.S_ISREG(info.st_mode) or stat.S_ISLNK(info.st_mode):
                yield path, info


def _content(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read()
    except PermissionError:
        os.chmod(path, 0o600)
        with open(path, "rb") as file:
            return file.read()


def _change(
    path: str, old: Optional[Tuple[Signature, bytes, bytes]], kind: bytes, sha: bytes, data: Optional[bytes]
) -> Dict[str, Any]:
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
