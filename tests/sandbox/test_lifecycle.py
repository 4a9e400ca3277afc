"""Beginning and end of sandboxes, cancellation, and runtimes that answer nonsense."""

from __future__ import annotations

import os
import resource
import socket
import struct
import time
from pathlib import Path

import anyio
import pytest

from coding_agent.errors import SandboxDied, SandboxError, SandboxProtocol, UsageError
from coding_agent.sandbox.base import SandboxBackend, SandboxSpec
from coding_agent.sandbox.channel import Channel
from coding_agent.sandbox.registry import make_backend
from tests.patience import PATIENCE_S
from tests.sandbox.steps import Steps, needs

pytestmark = pytest.mark.usefixtures("anyio_backend")


def alive(marker: str) -> list[str]:
    """Processes of this machine whose command line holds the marker."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
        except OSError:
            continue
        if marker.encode() in command and int(process.name) != os.getpid():
            found.append(command.decode(errors="replace"))
    return found


def descriptors() -> int:
    return len([*Path("/proc/self/fd").iterdir()])


async def gone(marker: str) -> bool:
    with anyio.move_on_after(PATIENCE_S):
        while alive(marker):
            await anyio.lowlevel.checkpoint()
    return not alive(marker)


@needs("programs")
async def test_a_cancelled_command_leaves_no_process_descriptor_or_directory(backend: SandboxBackend) -> None:
    marker = f"1{time.monotonic_ns()}"
    async with backend.open(SandboxSpec()) as sandbox:
        assert (await Steps(sandbox).sh("true")).exit_status == 0
    before = descriptors()

    async def sleep() -> None:
        async with backend.open(SandboxSpec()) as sandbox:
            await Steps(sandbox).sh(f"(setsid sleep {marker} &); sleep {marker}", timeout_s=600)

    async with anyio.create_task_group() as group:
        group.start_soon(sleep)
        while sum(command.startswith("sleep") for command in alive(marker)) < 2:
            await anyio.lowlevel.checkpoint()
        group.cancel_scope.cancel()
    assert await gone(marker)
    assert descriptors() == before


async def test_a_sandbox_is_closed_however_many_files_are_open(backend: SandboxBackend) -> None:
    if resource.getrlimit(resource.RLIMIT_NOFILE)[0] < 1200:
        pytest.skip("this process may not open as many files")
    nowhere = os.open(os.devnull, os.O_RDONLY)
    many = [os.dup(nowhere) for _ in range(1100)]
    try:
        before = descriptors()
        async with backend.open(SandboxSpec()):
            assert max(many) > 1023
        assert descriptors() == before
    finally:
        for each in (nowhere, *many):
            os.close(each)


async def test_a_cancelled_sandbox_can_not_be_used_again(backend: SandboxBackend) -> None:
    async with backend.open(SandboxSpec()) as sandbox:
        async with anyio.create_task_group() as group:
            group.start_soon(Steps(sandbox).sh, "sleep 600")
            await anyio.wait_all_tasks_blocked()
            group.cancel_scope.cancel()
        with pytest.raises(SandboxDied, match="interrupted"):
            await sandbox.changes()


async def test_sandboxes_outlive_the_threads_that_asked_for_them(backend: SandboxBackend) -> None:
    async with backend.open(SandboxSpec()) as sandbox, anyio.create_task_group() as tasks:
        for _ in range(20):
            tasks.start_soon(anyio.to_thread.run_sync, time.monotonic)
        assert await Steps(sandbox).says("echo alive") == "alive"


async def test_sandboxes_are_separate_and_run_at_the_same_time(backend: SandboxBackend) -> None:
    async def one(number: int) -> None:
        async with backend.open(SandboxSpec()) as sandbox:
            await Steps(sandbox).put({"a": str(number)})
            said.append(await Steps(sandbox).says("cat a; echo; ls"))

    said: list[str] = []
    async with anyio.create_task_group() as tasks:
        for number in range(6):
            tasks.start_soon(one, number)
    assert sorted(said) == [f"{number}\na" for number in range(6)]


async def test_every_promise_holds_here(backend: SandboxBackend) -> None:
    found = await backend.probe()
    assert [probe.promise for probe in found] == list(backend.promises)
    assert [probe for probe in found if not probe.holds] == []
    assert not set(backend.promises) & set(backend.lacks)


def test_an_unknown_kind_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match="bubblewrap, local"):
        make_backend("docker")


NONSENSE = [
    b"", b"\0\0", struct.pack(">I", 1 << 31), struct.pack(">I", 2) + b"{]", struct.pack(">I", 2) + b"[]",
    struct.pack(">I", 10) + b'{"ok": {}}', struct.pack(">I", 10) + b'{"ok": []}', struct.pack(">I", 100000) + b"[" * 100000,
    struct.pack(">I", 15) + b'{"refused": {}}', struct.pack(">I", 40) + b'{"ok": {"files": [1], "tree": "x"}}     ',
    struct.pack(">I", 40) + b'{"ok": {"files": [], "tree": 1e999999}} ', struct.pack(">I", 23) + b'{"ok": {"\\u0000bytes": 3}}'[:23],
]  # fmt: skip


@pytest.mark.parametrize("answer", NONSENSE, ids=range(len(NONSENSE)))
async def test_an_answer_that_is_none_is_a_sandbox_error(answer: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        theirs.sendall(answer)
        theirs.shutdown(socket.SHUT_WR)
        with pytest.raises(SandboxError) as failed:
            await Channel(ours).changes()
        assert isinstance(failed.value, SandboxDied | SandboxProtocol)
