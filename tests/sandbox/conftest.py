"""One conformance suite over both backends; what only bubblewrap promises is tried in `test_hostile.py`."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from coding_agent.errors import SandboxUnavailable
from coding_agent.sandbox.base import Sandbox, SandboxSpec
from coding_agent.sandbox.registry import make_backend
from tests.sandbox.steps import Steps

SMALL = SandboxSpec(
    memory_bytes=512 << 20,
    workspace_bytes=16 << 20,
    tmp_bytes=8 << 20,
    processes=32,
    file_bytes=8 << 20,
    open_files=128,
)


@pytest.fixture(params=["local", "bubblewrap"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def sandbox(anyio_backend: str, kind: str) -> AsyncIterator[Sandbox]:
    try:
        async with make_backend(kind).open(SMALL) as opened:
            yield opened
    except SandboxUnavailable as error:
        pytest.skip(str(error))


@pytest.fixture
def steps(sandbox: Sandbox) -> Steps:
    return Steps(sandbox)
