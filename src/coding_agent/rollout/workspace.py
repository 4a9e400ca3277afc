"""The workspace as a value: what a task starts with, and what the recorded changes make of it. Executes nothing."""

from __future__ import annotations

import hashlib
from base64 import b64decode
from collections.abc import Callable, Iterable, Mapping

import attrs

from coding_agent.events.schema import Event, TestRun, ToolResult
from coding_agent.events.text import unescape
from coding_agent.events.values import Changes, FileChange, FileContent
from coding_agent.sandbox.base import PathChange
from coding_agent.sandbox.runtime.tree import digest, ignored
from coding_agent.tasks.spec import TaskFile

ReadBlob = Callable[[str], bytes]


@attrs.frozen(kw_only=True)
class Node:
    """A path's state: a regular file, or a symlink whose target is `data`."""

    data: bytes
    executable: bool = False
    symlink: bool = False


Tree = dict[str, Node]


def base_tree(files: Mapping[str, TaskFile]) -> Tree:
    """A task's files, as the agent first finds them."""
    return {path: Node(data=file.data, executable=file.executable) for path, file in files.items()}


def recorded_changes(events: Iterable[Event]) -> list[Changes]:
    """Every change to the agent's workspace, in order."""
    found = (event.changes for event in events if isinstance(event, ToolResult | TestRun))
    return [changes for changes in found if changes is not None]


def replay_changes(tree: Tree, changes: Iterable[Changes], read_blob: ReadBlob) -> Tree:
    """The tree after the changes. Raises StoreError when a blob is gone."""
    result = dict(tree)
    for each in changes:
        for change in each.files:
            path = unescape(change.path)
            if change.kind == "delete":
                result.pop(path, None)
            elif change.kind == "mode":
                result[path] = attrs.evolve(result[path], executable=change.executable)
            else:
                symlink = change.kind == "symlink"
                result[path] = Node(data=content(change, read_blob), executable=change.executable, symlink=symlink)
    return result


def content(change: FileChange | FileContent, read_blob: ReadBlob) -> bytes:
    """A change's whole content (a symlink's target)."""
    if change.blob is not None:
        return read_blob(change.blob)
    if change.base64 is not None:
        return b64decode(change.base64)
    text = change.text or ""
    symlink = change.symlink if isinstance(change, FileContent) else change.kind == "symlink"
    return unescape(text).encode("utf-8", "surrogateescape") if symlink else text.encode()


def tree_digest(tree: Tree) -> str:
    """The digest that a sandbox must report for this tree (`sandbox.runtime.tree` specifies it)."""
    kinds = {(False, False): b"F", (False, True): b"X", (True, False): b"L", (True, True): b"L"}
    return digest(
        (kinds[node.symlink, node.executable], path, hashlib.sha256(node.data).digest())
        for path, node in tree.items()
        if not any(ignored(name) for name in path.split("/"))
    )


def as_changes(tree: Tree) -> list[PathChange]:
    """What a sandbox must apply to an empty workspace to hold this tree."""
    return [
        PathChange(path=path, kind="symlink" if node.symlink else "add", data=node.data, executable=node.executable)
        for path, node in sorted(tree.items())
    ]
