"""What a sandbox needs of its host is what it gets, whatever the habits of who installed it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from coding_agent.errors import SandboxUnavailable
from coding_agent.sandbox.base import SandboxBackend, SandboxSpec
from coding_agent.sandbox.launcher import refuse_unreadable
from coding_agent.sandbox.registry import make_backend
from tests.sandbox.steps import Steps

one_loop = pytest.mark.parametrize("anyio_backend", ["trio"])


@pytest.fixture
def bubblewrap() -> SandboxBackend:
    return make_backend("bubblewrap")


@pytest.fixture
def cautious() -> Iterator[None]:
    """New files are nobody else's."""
    before = os.umask(0o077)
    yield
    os.umask(before)


@one_loop
async def test_the_interpreter_inside_is_this_one_with_its_own_library(bubblewrap: SandboxBackend) -> None:
    async with bubblewrap.open(SandboxSpec()) as sandbox:
        found = await Steps(sandbox).python("import sys; print(sys.version)")
    assert found == sys.version


@one_loop
@pytest.mark.usefixtures("cautious")
async def test_a_sandbox_starts_under_a_umask_that_keeps_others_out(bubblewrap: SandboxBackend) -> None:
    async with bubblewrap.open(SandboxSpec()) as sandbox:
        assert await Steps(sandbox).says("touch a; stat -c %a a") == "644"


@pytest.mark.parametrize("mode", [0o600, 0o640])
def test_what_the_sandboxes_of_root_could_not_read_is_named_with_the_remedy(tmp_path: Path, mode: int) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "inner.py").touch()
    (tmp_path / "inner.py").chmod(mode)
    with pytest.raises(SandboxUnavailable, match=f"can not read {tmp_path}/inner.py") as raised:
        refuse_unreadable("bubblewrap", (tmp_path,))
    assert f"chmod -R a+rX {tmp_path}" in raised.value.remedy
