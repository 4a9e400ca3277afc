"""An edit of several paths, all of it or nothing, with the refusals of `runtime/edit.py`, on a copy of the tree."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from coding_agent.sandbox.base import PathEdit, Refused, SandboxSpec
from coding_agent.sandbox.runtime.tree import ignored
from coding_agent.sandbox.simulated import nodes
from coding_agent.sandbox.simulated.nodes import Directory, File, walk


@attrs.frozen(kw_only=True)
class Step:
    """One path of an edit, held against what is there."""

    path: str
    names: list[str]
    new: File | None
    exists: bool


def edited(root: Directory, edits: Sequence[PathEdit], spec: SandboxSpec) -> Directory:
    """The tree after every edit; `root` is left as it is. Raises Refused naming the first that can not be made."""
    named = [_names(wanted) for wanted in edits]
    keys = ["/".join(names) for names in named]
    if len(set(keys)) != len(keys):
        raise Refused("exists", max(keys, key=keys.count), "edited twice in one request")
    gone = {key for key, wanted in zip(keys, edits, strict=True) if wanted.data is None}
    steps = []
    for names, wanted in zip(named, edits, strict=True):
        size = len(wanted.data or b"")
        if size > spec.file_bytes:
            raise Refused("too_large", wanted.path, f"{size} bytes; at most {spec.file_bytes}")
        steps.append(_check(root, names, wanted, gone))
    _require_space(root, steps, spec)
    return _carried_out(root.copy(), steps)


def _names(wanted: PathEdit) -> list[str]:
    names = nodes.parts(wanted.path)
    if not names:
        raise Refused("is_directory", wanted.path or ".")
    for name in names:
        if ignored(name):
            raise Refused("bad_name", wanted.path, f"`{name}` is a cache, and no part of the workspace's state")
    return names


def _check(root: Directory, names: list[str], wanted: PathEdit, gone: set[str]) -> Step:
    try:
        found = nodes.file(root, wanted.path)
    except Refused as refused:
        above = {"/".join(names[:depth]) for depth in range(1, len(names))}
        gives_way = refused.code == "not_directory" and above & gone
        empties = refused.code == "is_directory" and any(key.startswith("/".join(names) + "/") for key in gone)
        if refused.code != "not_found" and not gives_way and not empties:
            raise
        if wanted.data is None or wanted.expected_sha256 not in {None, "any"}:
            raise Refused("not_found", wanted.path) from None
        new = File(wanted.data, bool(wanted.executable))
        return Step(path=wanted.path, names=names, new=new, exists=False)
    if wanted.expected_sha256 is None:
        raise Refused("exists", wanted.path)
    if wanted.expected_sha256 not in {"any", found.sha256.hex()}:
        raise Refused("changed", wanted.path, "the file is not what the edit was computed from")
    executable = found.executable if wanted.executable is None else wanted.executable
    new_file = None if wanted.data is None else File(wanted.data, executable)
    return Step(path=wanted.path, names=names, new=new_file, exists=True)


def _require_space(root: Directory, steps: list[Step], spec: SandboxSpec) -> None:
    # The runtime stages every new content beside the old ones before it replaces any.
    used = sum(len(node.data) for _, node in walk(root) if isinstance(node, File))
    for step in steps:
        used += len(step.new.data) if step.new is not None else 0
        if used > spec.workspace_bytes:
            raise Refused("no_space", step.path, "No space left on device")


def _carried_out(root: Directory, steps: list[Step]) -> Directory:
    for step in steps:
        if step.exists:
            del nodes.directory(root, step.names[:-1], step.path).entries[step.names[-1]]
            if step.new is None:
                nodes.prune(root, step.names[:-1])
    for step in steps:
        if step.new is not None:
            parent = nodes.directory(root, step.names[:-1], step.path, create=True)
            if isinstance(parent.entries.get(step.names[-1]), Directory):
                raise Refused("is_directory", step.path, "Is a directory")
            parent.entries[step.names[-1]] = step.new
    return root
