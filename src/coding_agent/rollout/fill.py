"""Filling a workspace: the task's files with one commit that holds them, then whatever the log says came of them."""

from __future__ import annotations

from collections.abc import Sequence

from coding_agent.errors import SandboxError, StoreError
from coding_agent.events.values import Changes
from coding_agent.rollout.workspace import ReadBlob, Tree, as_changes, replay_changes
from coding_agent.sandbox.base import PathChange, Refused, Sandbox


async def fill(sandbox: Sandbox, base: Tree, tree: Tree) -> str:
    """Bring an empty workspace to `tree`, with `base` as its only history; returns the tree digest."""
    return await sandbox.apply(_between(base, tree), history=as_changes(base))


async def refill(sandbox: Sandbox, base: Tree, changes: Sequence[Changes], read_blob: ReadBlob, expected: str) -> None:
    """The workspace as a log left it: `base` and every recorded change, and nothing executed.

    Raises SandboxError when that is not the tree with the digest `expected`.
    """
    try:
        tree = replay_changes(base, changes, read_blob)
    except StoreError as error:
        raise SandboxError(f"the workspace can not be rebuilt: {error}") from error
    try:
        found = await fill(sandbox, base, tree)
    except Refused as refused:
        raise SandboxError(f"the workspace can not be filled: {refused}") from refused
    if found != expected:
        raise SandboxError(f"the workspace was filled with tree {found[:12]}, the log says {expected[:12]}")


def _between(base: Tree, tree: Tree) -> list[PathChange]:
    gone = [PathChange(path=path, kind="delete") for path in sorted(base.keys() - tree.keys())]
    return gone + as_changes({path: node for path, node in tree.items() if base.get(path) != node})
