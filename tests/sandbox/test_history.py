"""The workspace's git repository: one commit, made without git, that git itself finds nothing wrong with."""

from __future__ import annotations

import shutil

import pytest

from coding_agent.sandbox.base import PathChange, SandboxBackend
from tests.sandbox.conftest import SMALL
from tests.sandbox.steps import Steps, needs

pytestmark = [needs("programs"), pytest.mark.skipif(shutil.which("git") is None, reason="there is no git")]
BASE = [
    PathChange(path="a.py", kind="add", data=b"x = 1\n"),
    PathChange(path="a/b.py", kind="add", data=b"y = 1\n" * 1000),
    PathChange(path="a-b/caf\udce9", kind="add", data=b"\0\xff"),
    PathChange(path="run", kind="add", data=b"", executable=True),
    PathChange(path="deep/er/link", kind="symlink", data=b"../../a.py"),
]


async def test_git_finds_one_commit_of_the_workspace_and_nothing_wrong_with_it(steps: Steps) -> None:
    await steps.sandbox.apply([], history=BASE)
    assert await steps.says("git fsck --strict --full; git status --short; git rev-list --all --reflog --count") == "1"
    assert await steps.says(
        "git log --format='%an %ae %s'; git ls-files -s | cut -c1-6 | sort | uniq -c | tr -s ' '"
    ) == ("task task@localhost The task\n 3 100644\n 1 100755\n 1 120000")


async def test_what_comes_after_is_a_difference_to_it(steps: Steps) -> None:
    await steps.sandbox.apply([], history=BASE)
    await steps.sandbox.apply([PathChange(path="a.py", kind="modify", data=b"x = 2\n")])
    assert (await steps.says("git diff --stat; git commit -qam mine && git log --format=%s")).splitlines()[-2:] == [
        "mine",
        "The task",
    ]


async def test_the_same_tree_gives_the_same_commit_whatever_was_there(steps: Steps, backend: SandboxBackend) -> None:
    await steps.sandbox.apply([], history=[*BASE, PathChange(path="secret", kind="add", data=b"answer")])
    await steps.sandbox.apply([], history=[PathChange(path="secret", kind="delete")])
    async with backend.open(SMALL) as other:
        await other.apply([], history=BASE)
        assert await steps.says("git rev-parse HEAD") == await Steps(other).says("git rev-parse HEAD")
    assert await steps.says("git cat-file --batch-all-objects --batch-check | wc -l") == "11"


async def test_an_empty_workspace_has_an_empty_commit(steps: Steps) -> None:
    await steps.sandbox.apply([], history=[])
    assert await steps.says("git fsck --strict; git status --short; git ls-tree -r HEAD") == ""
