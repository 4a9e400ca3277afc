"""What a simulated program is: an async function of its words and of what it may touch, on the event loop's time."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from coding_agent.sandbox.base import WORKSPACE, Refused, TestCaseFailure
from coding_agent.sandbox.simulated import nodes
from coding_agent.sandbox.simulated.nodes import Directory, File, Node
from coding_agent.sandbox.simulated.workspace import Workspace


class Sink(Protocol):
    """Where output goes."""

    def feed(self, data: bytes) -> None: ...


class Process:
    """One running command: the workspace, and somewhere to write."""

    def __init__(self, workspace: Workspace, out: Sink) -> None:
        self.workspace, self._out = workspace, out

    @property
    def root(self) -> Directory:
        return self.workspace.root

    def write(self, text: str | bytes) -> None:
        """To stdout and stderr, which are one."""
        self._out.feed(os.fsencode(text) if isinstance(text, str) else text)

    def names(self, path: str) -> list[str]:
        """The components of a path as a program says it. Raises OSError for one outside of the workspace."""
        full = posixpath.normpath(posixpath.join(WORKSPACE, path))
        if full == WORKSPACE:
            return []
        if not full.startswith(WORKSPACE + "/"):
            raise FileNotFoundError(2, nodes.MISSING, path)
        return full.removeprefix(WORKSPACE + "/").split("/")

    def find(self, path: str) -> Node | None:
        """What is there, itself and not what it points to."""
        names = self.names(path)
        if not names:
            return self.root
        try:
            return nodes.directory(self.root, names[:-1], path).entries.get(names[-1])
        except Refused:
            return None

    def parent(self, path: str) -> tuple[Directory, str]:
        """(the directory to put something in, the name to put it under). Raises OSError."""
        names = self.names(path)
        if not names:
            raise FileExistsError(17, "File exists", path)
        try:
            return nodes.directory(self.root, names[:-1], path), names[-1]
        except Refused as refused:
            raise FileNotFoundError(2, refused.detail, path) from None

    def read(self, path: str) -> bytes:
        """A file's content. Raises OSError."""
        found = self.find(path)
        if isinstance(found, Directory):
            raise IsADirectoryError(21, "Is a directory", path)
        if not isinstance(found, File):
            raise FileNotFoundError(2, nodes.MISSING, path)
        return found.data

    def put(self, path: str, data: bytes, *, append: bool = False) -> None:
        """Write a file, keeping its executable bit. Raises OSError."""
        parent, name = self.parent(path)
        old = parent.entries.get(name)
        if old is not None and not isinstance(old, File):
            raise IsADirectoryError(21, "not a regular file", path)
        before = old.data if append and old is not None else b""
        parent.entries[name] = File(before + data, old is not None and old.executable)


class TestLog:
    """What a simulated test program tells, fact by fact, as pytest's reporter would."""

    __test__ = False

    def __init__(self, process: Process, digests: dict[str, str]) -> None:
        self.process, self._digests = process, digests
        self.outcomes: dict[str, str] = {}
        self.failures: list[TestCaseFailure] = []
        self.collected: dict[str, str] = {}
        self.running: str | None = None

    def collect(self, path: str) -> None:
        self.collected[path] = self._digests[path]

    def start(self, test: str) -> None:
        self.running = test

    def finish(self, test: str, outcome: str, failure: TestCaseFailure | None = None) -> None:
        if failure is not None:
            self.failures.append(failure)
        self.outcomes[test], self.running = outcome, None


Program = Callable[[Sequence[str], Process], Awaitable[int]]
"""(argv, what it may touch) → exit status, negative for a signal. Cancelled when its time is over."""

TestProgram = Callable[[Sequence[str], TestLog], Awaitable[int]]
"""(pytest's arguments, where to tell) → exit status. Cancelled when its time is over."""
