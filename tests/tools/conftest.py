"""Tools run against a real sandbox: the `local` backend, which needs nothing of the host."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping

import pytest

from coding_agent.events.values import JSON, Limits, ModelToolCall
from coding_agent.sandbox.base import PathChange, Sandbox, SandboxSpec
from coding_agent.sandbox.registry import make_backend
from coding_agent.tools.base import ToolAnswer, ToolContext
from coding_agent.tools.dispatch import TOOLSETS, Denied, prepare, run

Fill = Callable[[Mapping[str, bytes]], Awaitable[None]]
Call = Callable[..., Awaitable[ToolAnswer]]


@pytest.fixture
async def sandbox(anyio_backend: str) -> AsyncIterator[Sandbox]:
    async with make_backend("local").open(SandboxSpec()) as opened:
        yield opened


@pytest.fixture
def fill(sandbox: Sandbox) -> Fill:
    """Put files into the workspace."""

    async def put(files: Mapping[str, bytes]) -> None:
        await sandbox.apply([PathChange(path=path, kind="add", data=data) for path, data in sorted(files.items())])

    return put


@pytest.fixture
def call(sandbox: Sandbox) -> Call:
    """Call a tool by name, as an episode does."""
    context = ToolContext(
        sandbox=sandbox,
        limits=Limits(command_s=120, test_s=120, output_bytes=200),
        test_command=("python", "-m", "pytest", "-q"),
    )

    async def by_name(name: str, **arguments: JSON) -> ToolAnswer:
        prepared = prepare(ModelToolCall(id="", name=name, raw="", arguments=arguments), TOOLSETS["default"])
        assert not isinstance(prepared, Denied), prepared.text
        return await run(prepared, context)

    return by_name
