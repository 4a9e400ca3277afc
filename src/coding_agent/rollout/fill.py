"""Filling a workspace: the task's files with one commit that holds them, then whatever the log says came of them."""

from __future__ import annotations

from coding_agent.rollout.workspace import Tree, as_changes
from coding_agent.sandbox.base import PathChange, Sandbox


async def fill(sandbox: Sandbox, base: Tree, tree: Tree) -> str:
    """Bring an empty workspace to `tree`, with `base` as its only history; returns the tree digest."""
    return await sandbox.apply(_between(base, tree), history=as_changes(base))


def _between(base: Tree, tree: Tree) -> list[PathChange]:
    gone = [PathChange(path=path, kind="delete") for path in sorted(base.keys() - tree.keys())]
    return gone + as_changes({path: node for path, node in tree.items() if base.get(path) != node})
