"""One conformance suite over every backend; what only isolating ones promise is tried in `test_hostile.py`.

A test that needs more than the protocol says so (`@needs("programs")`) and is skipped where a backend declares that it
lacks just that.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from coding_agent.errors import SandboxUnavailable
from coding_agent.sandbox.base import Sandbox, SandboxBackend, SandboxSpec
from coding_agent.sandbox.registry import make_backend
from coding_agent.sandbox.simulated import SimulatedBackend
from tests.sandbox.steps import Steps

SMALL = SandboxSpec(
    memory_bytes=512 << 20,
    workspace_bytes=16 << 20,
    tmp_bytes=8 << 20,
    processes=32,
    file_bytes=8 << 20,
    open_files=128,
)


IMAGE = os.environ.get("CODING_AGENT_IMAGE", "")
"""The container backend is tried where it names an image: `make container` makes one, and says so."""
ISOLATING = ["bubblewrap", *([f"container:{IMAGE}"] if IMAGE else [])]
HERE = Path(__file__).parent
KINDS = ["local", "simulated", *ISOLATING]
LEFT_OUT = {("local", "trio"), *((kind, "asyncio") for kind in ISOLATING)}


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "needs(*names): skipped where the sandbox backend lacks one of these")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """One event loop for each backend: the channel, all that knows of a loop, is one for all. Both for how it is opened,
    closed and cancelled."""
    here = [item for item in items if item.path.parent == HERE and item.path.name != "test_lifecycle.py"]
    left_out = [item for item in here if _where(item) in LEFT_OUT]
    config.hook.pytest_deselected(items=left_out)
    kept = set(items) - set(left_out)
    items[:] = [item for item in items if item in kept]


def _where(item: pytest.Item) -> tuple[object, object]:
    params = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
    return params.get("kind"), params.get("anyio_backend")


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def backend(kind: str, request: pytest.FixtureRequest) -> SandboxBackend:
    made = SimulatedBackend() if kind == "simulated" else make_backend(kind)
    for marker in request.node.iter_markers("needs"):
        if missing := set(marker.args) & set(made.lacks):
            pytest.skip(f"{kind} lacks {', '.join(sorted(missing))}")
    return made


@pytest.fixture
async def sandbox(anyio_backend: str, backend: SandboxBackend) -> AsyncIterator[Sandbox]:
    try:
        async with backend.open(SMALL) as opened:
            yield opened
    except SandboxUnavailable as error:
        if IMAGE:
            raise
        pytest.skip(str(error))


@pytest.fixture
def steps(sandbox: Sandbox) -> Steps:
    return Steps(sandbox)
