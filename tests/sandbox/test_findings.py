"""What was once measured about bubblewrap, and must stay answered; `docs/sandbox.md` lists all of it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

import coding_agent
from coding_agent.sandbox.base import SandboxSpec
from coding_agent.sandbox.bubblewrap import BubblewrapBackend, _arguments
from coding_agent.sandbox.registry import make_backend
from tests.sandbox.conftest import SMALL
from tests.sandbox.steps import Steps

bubblewrap = pytest.mark.parametrize("kind", ["bubblewrap"])
one_loop = pytest.mark.parametrize("anyio_backend", ["trio"])


def targets(words: list[str]) -> Iterator[str]:
    """Where bubblewrap is told to mount or make something."""
    for word, *rest in zip(words, words[1:], words[2:], strict=False):
        if word in {"--ro-bind", "--ro-bind-try", "--symlink", "--bind"}:
            yield rest[1]
        elif word in {"--tmpfs", "--proc", "--dev", "--dir", "--remount-ro"}:
            yield rest[0]


def test_bubblewrap_mounts_nothing_below_what_an_agent_can_write() -> None:
    words = _arguments(SandboxSpec(), BubblewrapBackend()._bindings(), 3)
    assert not [place for place in targets(words) if place.startswith(("/workspace/", "/tmp/", "/dev/shm/"))]
    assert "--bind" not in words


def test_nothing_outside_the_sandbox_runs_git() -> None:
    for path in Path(coding_agent.__file__).parent.rglob("*.py"):
        words = [node.value for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Constant)]
        assert "git" not in words, path


@one_loop
@bubblewrap
async def test_sandboxes_at_once_do_not_share_a_pool_of_processes(kind: str, anyio_backend: str) -> None:
    program = "import os, time\nn = 0\ntry:\n  while os.fork(): n += 1\n  time.sleep(600)\nexcept OSError: print(n); time.sleep(1)"
    made: list[str] = []

    async def one() -> None:
        async with make_backend(kind).open(SMALL) as sandbox:
            made.append(await Steps(sandbox).python(program))

    async with anyio.create_task_group() as tasks:
        for _ in range(4):
            tasks.start_soon(one)
    assert made == [made[0]] * 4
    assert int(made[0]) > 20


@one_loop
@bubblewrap
async def test_whatever_can_be_written_has_a_size_and_is_no_disk(steps: Steps) -> None:
    lines = (await steps.says("awk '$6 ~ /^rw/' /proc/self/mountinfo | cut -d' ' -f5-")).splitlines()
    writable = {line.split()[0]: line.partition(" - ")[2].split() for line in lines}
    tmpfs = {place for place, (kind, _, options) in writable.items() if kind == "tmpfs" and "size=" in options}
    assert tmpfs == {"/workspace", "/tmp", "/dev/shm"}
    assert {kind for place, (kind, *_) in writable.items() if place not in tmpfs} == {"proc", "devpts", "devtmpfs"}


@one_loop
@bubblewrap
async def test_no_socket_of_the_host_has_a_name_inside(steps: Steps) -> None:
    assert await steps.says("find / -path /proc -prune -o -type s -print 2>/dev/null") == ""
