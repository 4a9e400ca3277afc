"""What the resident runtime does to a workspace, done to a tree in memory: apply, read, list, edit, changes. Pure."""

from __future__ import annotations

import os
from collections.abc import Sequence

from coding_agent.sandbox.base import (
    ChangeSet,
    Entry,
    FileRead,
    Listing,
    PathChange,
    PathEdit,
    Refused,
    SandboxSpec,
    TooMuchChanged,
)
from coding_agent.sandbox.runtime.tree import MAX_CHANGED_BYTES, MAX_CHANGED_FILES, MAX_CHANGED_NAMES, digest, ignored
from coding_agent.sandbox.simulated import nodes
from coding_agent.sandbox.simulated.edit import edited
from coding_agent.sandbox.simulated.nodes import Directory, File, Link, Node


class Workspace:
    """One tree, and the state in which it was last told."""

    def __init__(self, spec: SandboxSpec) -> None:
        self.spec = spec
        self.root = Directory()
        self._seen: dict[str, tuple[bytes, bytes]] = {}

    def apply(self, changes: Sequence[PathChange], history: Sequence[PathChange] | None = None) -> str:
        """Deletions first, then the rest, whatever stands in the way. Raises Refused."""
        if history is not None:
            self.apply(history)
            # There is no git here, but the folder of one.
            self.root.entries[".git"] = Directory()
        for change in changes:
            if not nodes.parts(change.path, recorded=True):
                raise Refused("is_directory", change.path or ".")
        for change in sorted(changes, key=lambda c: (c.kind != "delete", os.fsencode(c.path))):
            if change.kind == "delete":
                self._delete(nodes.parts(change.path, recorded=True))
            else:
                self._bring(change)
        self._seen = {path: (_kind(node), node.sha256) for path, node in nodes.walk(self.root)}
        return digest((kind, path, sha) for path, (kind, sha) in self._seen.items())

    def read(self, path: str, max_bytes: int) -> FileRead:
        """Raises Refused."""
        found = nodes.file(self.root, path)
        return FileRead(
            data=found.data[:max_bytes],
            size=len(found.data),
            sha256=found.sha256.hex(),
            executable=found.executable,
        )

    def listing(self, path: str, depth: int, max_entries: int) -> Listing:
        """Raises Refused."""
        names = nodes.parts(path)
        top = nodes.directory(self.root, names, path)
        found = _rows(top, "/".join(names), depth)
        entries, rest = found[:max_entries], found[max_entries:]
        return Listing(entries=tuple(entries), omitted=len(rest))

    def edit(self, edits: Sequence[PathEdit]) -> ChangeSet:
        """All or none. Raises Refused."""
        self.root = edited(self.root, edits, self.spec)
        return self.changes()

    def changes(self) -> ChangeSet:
        """Raises TooMuchChanged."""
        before, now = self._seen, {path: (_kind(node), node) for path, node in nodes.walk(self.root)}
        changed, size = [], 0
        for path, (kind, node) in now.items():
            old = before.get(path)
            if old != (kind, node.sha256):
                change = _change(path, old, kind, node)
                size += len(change.data or b"")
                changed.append(change)
            if size > MAX_CHANGED_BYTES or len(changed) > MAX_CHANGED_FILES:
                limit = f"{MAX_CHANGED_BYTES} bytes or {MAX_CHANGED_FILES} files"
                raise TooMuchChanged(str(Refused("too_large", ".", f"one call changed more than {limit}")))
        changed += [PathChange(path=path, kind="delete") for path in before if path not in now]
        if sum(map(_named, changed)) > MAX_CHANGED_NAMES:
            raise TooMuchChanged(
                f".: too_large (the names of what one call changed are more than {MAX_CHANGED_NAMES} bytes)"
            )
        changed.sort(key=lambda change: os.fsencode(change.path))
        self._seen = {path: (kind, node.sha256) for path, (kind, node) in now.items()}
        return ChangeSet(files=tuple(changed), tree=digest((k, path, sha) for path, (k, sha) in self._seen.items()))

    def files(self) -> dict[str, File]:
        """Every regular file that is state, by path."""
        return {path: node for path, node in nodes.walk(self.root) if isinstance(node, File)}

    def _delete(self, names: list[str]) -> None:
        try:
            parent = nodes.directory(self.root, names[:-1], "/".join(names))
        except Refused:
            return
        if not isinstance(parent.entries.get(names[-1]), Directory):
            parent.entries.pop(names[-1], None)
        nodes.prune(self.root, names[:-1])

    def _bring(self, change: PathChange) -> None:
        *above, name = nodes.parts(change.path, recorded=True)
        parent = self.root
        for each in above:
            below = parent.entries.get(each)
            if not isinstance(below, Directory):
                below = parent.entries[each] = Directory()
            parent = below
        if change.kind == "mode":
            old = nodes.file(self.root, change.path)
            parent.entries[name] = File(old.data, change.executable)
        elif change.kind == "symlink":
            parent.entries[name] = Link(change.data or b"")
        else:
            parent.entries[name] = File(change.data or b"", change.executable)


def _named(change: PathChange) -> int:
    return len(os.fsencode(change.path)) + (len(change.data or b"") if change.kind == "symlink" else 0)


def _kind(node: File | Link) -> bytes:
    return b"L" if isinstance(node, Link) else b"X" if node.executable else b"F"


def _change(path: str, old: tuple[bytes, bytes] | None, kind: bytes, node: File | Link) -> PathChange:
    executable = kind == b"X"
    if isinstance(node, Link):
        return PathChange(path=path, kind="symlink", data=node.target)
    if old is None:
        return PathChange(path=path, kind="add", data=node.data, executable=executable)
    if old[1] == node.sha256 and old[0] != b"L":
        return PathChange(path=path, kind="mode", executable=executable)
    return PathChange(path=path, kind="modify", data=node.data, executable=executable)


def _rows(folder: Directory, prefix: str, depth: int) -> list[Entry]:
    shown = [(name, node) for name, node in folder.entries.items() if not ignored(name)]
    shown.sort(key=lambda each: (not isinstance(each[1], Directory), os.fsencode(each[0])))
    rows = []
    for name, node in shown:
        path = f"{prefix}/{name}" if prefix else name
        if isinstance(node, Directory) and depth > 1:
            rows += [Entry(path=path, kind="directory", size=-1), *_rows(node, path, depth - 1)]
        else:
            rows.append(_row(path, node))
    return rows


def _row(path: str, node: Node) -> Entry:
    match node:
        case Directory(entries=entries):
            return Entry(path=path, kind="directory", size=sum(not ignored(name) for name in entries))
        case File(data=data):
            return Entry(path=path, kind="file", size=len(data))
        case Link(target=target):
            return Entry(path=path, kind="symlink", size=len(target), target=os.fsdecode(target))
        case _:
            return Entry(path=path, kind="special", size=0)
