"""A task: a repository with something wrong or missing, words that say so, and tests that decide. Pure values."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

import attrs

KINDS = ("bug", "feature", "refactor", "performance", "test")
"""What a task asks for."""


@attrs.frozen(kw_only=True)
class TaskFile:
    """One file of the repository or of the hidden tests."""

    data: bytes
    executable: bool = False


@attrs.frozen(kw_only=True)
class TaskLimits:
    """A task's own limits. Times in seconds."""

    turns: int = 40
    tokens: int | None = None
    seconds: float = 900.0
    command_s: float = 60.0
    test_s: float = 60.0


@attrs.frozen(kw_only=True)
class TaskSpec:
    """One task. Paths are relative to the repository's root, `/`-separated."""

    id: str
    title: str
    statement: str
    difficulty: int
    """1 (one line, named) to 5 (a feature over several files)."""
    kind: str
    tags: tuple[str, ...]
    licence: str
    test_command: tuple[str, ...]
    """`python -m pytest` and its arguments."""
    fail_to_pass: tuple[str, ...]
    """Test ids that fail before the change and must pass after it."""
    pass_to_pass: tuple[str, ...]
    """Test ids that must go on passing."""
    limits: TaskLimits
    allowed: tuple[str, ...]
    """Globs of paths that count as the solution; changes elsewhere are not graded."""
    protected: tuple[str, ...]
    """Globs of paths that are restored before grading, whatever `allowed` says."""
    files: Mapping[str, TaskFile]
    """What the agent sees."""
    hidden: Mapping[str, TaskFile]
    """Laid over the repository for grading only."""
    gold_patch: str
    """A unified diff that solves the task."""
    across: tuple[str, ...] = ()
    """Modules whose functions the graded tests call in another process: code there can not touch the tests."""

    @property
    def digest(self) -> str:
        """SHA-256 of everything that decides what the task is and how it is graded; the gold patch is left out."""
        sha = hashlib.sha256(b"coding-agent task v1\0")

        def feed(*parts: bytes) -> None:
            for part in parts:
                sha.update(len(part).to_bytes(8, "big") + part)

        for name in attrs.fields_dict(TaskSpec):
            value = getattr(self, name)
            if name == "gold_patch" or (name == "across" and not value):
                continue
            if isinstance(value, Mapping):
                for path in sorted(value):
                    file: TaskFile = value[path]
                    feed(name.encode(), path.encode("utf-8", "surrogateescape"), bytes([file.executable]), file.data)
            else:
                feed(name.encode(), repr(value).encode())
        return sha.hexdigest()
