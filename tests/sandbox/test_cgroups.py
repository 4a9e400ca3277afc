"""Control groups, where the machine delegates them; elsewhere that nothing is made of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from coding_agent.sandbox import cgroups
from coding_agent.sandbox.base import SandboxSpec
from coding_agent.sandbox.registry import make_backend
from tests.sandbox.steps import Steps

pytestmark = pytest.mark.parametrize("anyio_backend", ["trio"])
SPEC = SandboxSpec(all_memory_bytes=64 << 20, workspace_bytes=16 << 20, tmp_bytes=16 << 20)
needs_delegation = pytest.mark.skipif(cgroups.delegated() is None, reason="no control group is delegated here")
BUFFERS = """
import os, socket, time
for _ in range(12):
    if os.fork() == 0: break
held = []
while True:
    try:
        a, b = socket.socketpair()
        held += [a, b]
        for each in held[-2:]:
            each.setblocking(False)
            each.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1 << 20)
            while True: each.send(bytes(65536))
    except BlockingIOError: pass
    except OSError: time.sleep(20)
"""


def mine() -> list[Path]:
    place = cgroups.delegated()
    return list(place.glob(f"{cgroups.PREFIX}{os.getpid()}-*")) if place else []


async def test_a_sandbox_is_in_a_group_of_its_own_that_is_gone_after_it(anyio_backend: str) -> None:
    async with make_backend("bubblewrap").open(SPEC) as sandbox:
        assert await Steps(sandbox).says("echo alive") == "alive"
        groups = mine()
        assert len(groups) == (0 if cgroups.delegated() is None else 1)
        assert all(len((group / "cgroup.procs").read_text().split()) >= 2 for group in groups)
        assert all(int((group / "pids.max").read_text()) == SPEC.processes + cgroups.RUNTIME_TASKS for group in groups)
    assert mine() == []


@needs_delegation
async def test_memory_of_the_kernel_is_bounded_and_the_runtime_survives(anyio_backend: str) -> None:
    async with make_backend("bubblewrap").open(SPEC) as sandbox:
        await Steps(sandbox).python(BUFFERS, timeout_s=15)
        (group,) = mine()
        events = dict(line.split() for line in (group / "memory.events").read_text().splitlines())
        assert int(events["max"]) + int(events["oom_kill"]) > 0
        assert await Steps(sandbox).says("echo alive") == "alive"
