"""The commit that a git checkout is at, read from git's own files: no program is run, whatever it is configured to."""

from __future__ import annotations

import re
from pathlib import Path

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


def commit(checkout: Path) -> str | None:
    """The hash that HEAD stands at; None when this is no checkout, or one without a commit."""
    try:
        git = _git_folder(checkout / ".git")
        head = (git / "HEAD").read_text().strip()
        found = _resolved(head[5:], git) if head.startswith("ref: ") else head
    except (OSError, UnicodeDecodeError):
        return None
    return found if _COMMIT.fullmatch(found) else None


def _git_folder(git: Path) -> Path:
    """Of a worktree or a submodule, `.git` is a file that names the folder."""
    return git if git.is_dir() else git.parent / git.read_text().removeprefix("gitdir: ").strip()


def _resolved(ref: str, git: Path) -> str:
    """The hash of a ref, which has a file of its own or a line in `packed-refs`; worktrees share both."""
    shared = git / "commondir"
    common = git / shared.read_text().strip() if shared.exists() else git
    for folder in (git, common):
        if (folder / ref).is_file():
            return (folder / ref).read_text().strip()
    lines = (line.split(" ", 1) for line in (common / "packed-refs").read_text().splitlines())
    return next((parts[0] for parts in lines if parts[1:] == [ref]), "")
