"""The commit that a git checkout is at, read from git's own files: no program is run, whatever it is configured to.

Of a package that was installed from a repository, the commit that the installer noted beside it.
"""

from __future__ import annotations

import re
from importlib.metadata import Distribution
from pathlib import Path

import orjson

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


def installed_commit(package: Path) -> str | None:
    """What `direct_url.json` (PEP 610) says of an installed package; None when it came from an index or a file."""
    for found in Distribution.discover(name=package.name.replace("_", "-"), path=[str(package.parent)]):
        try:
            noted = orjson.loads(found.read_text("direct_url.json") or "null")["vcs_info"]["commit_id"]
        except (orjson.JSONDecodeError, KeyError, TypeError):
            continue
        if isinstance(noted, str) and _COMMIT.fullmatch(noted):
            return noted
    return None


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
