"""An edit of several paths: all of it or nothing.

New contents are written beside the workspace's files first, then renamed into place, with what they replace kept until
the last rename has succeeded: undoing needs no space. Knows nothing of patches; the host has computed the contents.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from typing import Any, Dict

from .paths import create_file, open_directory, open_file, parts_of, prune
from .refuse import Refuse, refusal
from .tree import ignored

Message = Dict[str, Any]


class Step:
    """One path of an edit."""

    def __init__(self, wanted: Message) -> None:
        self.path: str = wanted["path"]
        self.parts = parts_of(self.path)
        self.key = "/".join(self.parts)
        self.data: bytes | None = wanted["data"]
        self.executable: bool | None = wanted["executable"]
        self.expected: str | None = wanted["expected_sha256"]
        self.exists = False
        self.staged = ".edit-" + os.urandom(8).hex()
        self.kept = ".edit-" + os.urandom(8).hex()
        if not self.parts:
            raise Refuse("is_directory", self.path or ".")
        for part in self.parts:
            if ignored(part):
                raise Refuse("bad_name", self.path, "`%s` is a cache, and no part of the workspace's state" % part)


def edit(root: str, edits: list[Message], max_bytes: int) -> None:
    """Carry out every edit or none. Raises Refuse naming the first path that can not be edited."""
    steps = [Step(wanted) for wanted in edits]
    keys = [step.key for step in steps]
    if len(set(keys)) != len(keys):
        raise Refuse("exists", max(keys, key=keys.count), "edited twice in one request")
    gone = {step.key for step in steps if step.data is None}
    for step in steps:
        if len(step.data or b"") > max_bytes:
            raise Refuse("too_large", step.path, "%d bytes; at most %d" % (len(step.data or b""), max_bytes))
        _check(root, step, gone)
    fd = open_directory(root, [], ".")
    try:
        _carry_out(_Workspace(root, fd), steps)
    finally:
        os.close(fd)


def _check(root: str, step: Step, gone: set[str]) -> None:
    """Hold the edit against what is there; settle whether the file exists and shall be executable."""
    content = None
    try:
        parent = open_directory(root, step.parts[:-1], step.path)
        try:
            with os.fdopen(open_file(parent, step.parts[-1], step.path), "rb") as file:
                content = file.read()
                executable = bool(os.fstat(file.fileno()).st_mode & 0o100)
        finally:
            os.close(parent)
    except Refuse as refused:
        above = {"/".join(step.parts[:depth]) for depth in range(1, len(step.parts))}
        gives_way = refused.code == "not_directory" and above & gone
        empties = refused.code == "is_directory" and any(key.startswith(step.key + "/") for key in gone)
        if refused.code != "not_found" and not gives_way and not empties:
            raise
    if content is None:
        if step.data is None or step.expected not in (None, "any"):
            raise Refuse("not_found", step.path)
        step.executable = bool(step.executable)
        return
    if step.expected is None:
        raise Refuse("exists", step.path)
    if step.expected not in ("any", hashlib.sha256(content).hexdigest()):
        raise Refuse("changed", step.path, "the file is not what the edit was computed from")
    step.exists = True
    step.executable = executable if step.executable is None else step.executable


def _carry_out(workspace: _Workspace, steps: list[Step]) -> None:
    path = "."
    try:
        for action in (workspace.stage, workspace.put_aside, workspace.put_in_place):
            for step in steps:
                path = step.path
                action(step)
    except (OSError, Refuse) as error:
        workspace.restore()
        raise error if isinstance(error, Refuse) else refusal(error, path) from error
    for step in steps:
        if step.exists:
            os.unlink(step.kept, dir_fd=workspace.fd)


class _Workspace:
    """Renames, and how to take each of them back."""

    def __init__(self, root: str, fd: int) -> None:
        self.root, self.fd = root, fd
        self._undo: list[Callable[[], None]] = []

    def restore(self) -> None:
        for action in reversed(self._undo):
            action()

    def stage(self, step: Step) -> None:
        if step.data is not None:
            self._undo.append(lambda: self._drop(step.staged))
            create_file(self.fd, step.staged, step.data, executable=bool(step.executable))

    def put_aside(self, step: Step) -> None:
        if step.exists:
            self._rename(step, step.parts[-1], step.kept, out=True)
            self._undo.append(lambda: self._rename(step, step.kept, step.parts[-1], out=False))
            if step.data is None:
                prune(self.root, step.parts[:-1])

    def put_in_place(self, step: Step) -> None:
        if step.data is not None:
            self._undo.append(lambda: prune(self.root, step.parts[:-1]))
            self._rename(step, step.staged, step.parts[-1], out=False)
            self._undo.append(lambda: self._rename(step, step.parts[-1], step.staged, out=True))

    def _rename(self, step: Step, old: str, new: str, *, out: bool) -> None:
        parent = open_directory(self.root, step.parts[:-1], step.path, create=not out)
        try:
            source, target = (parent, self.fd) if out else (self.fd, parent)
            os.rename(old, new, src_dir_fd=source, dst_dir_fd=target)
        finally:
            os.close(parent)

    def _drop(self, name: str) -> None:
        try:
            os.unlink(name, dir_fd=self.fd)
        except FileNotFoundError:
            pass
