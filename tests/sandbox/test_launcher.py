"""What a sandbox needs of its host is what it gets, whatever the habits of who installed it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from coding_agent.errors import SandboxUnavailable
from coding_agent.sandbox import places
from coding_agent.sandbox.base import SandboxBackend, SandboxSpec
from coding_agent.sandbox.bubblewrap import BubblewrapBackend
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


@pytest.mark.parametrize("name", ["/usr/local/share/data/tasks", "/usr/lib", "/lib/../usr/x"])
def test_no_task_and_no_run_may_lie_where_every_sandbox_reads(name: str) -> None:
    with pytest.raises(SandboxUnavailable, match="lies in what every sandbox reads of this host, there as /usr"):
        make_backend("bubblewrap", hide=[Path(name)])


def test_a_link_to_such_a_place_is_followed_and_the_installation_of_python_is_one(tmp_path: Path) -> None:
    prefix = places.python().prefix or Path("/usr")
    (tmp_path / "tasks").symlink_to(prefix / "share")
    with pytest.raises(SandboxUnavailable, match="keep tasks and run directories outside"):
        make_backend("bubblewrap", hide=[tmp_path / "tasks"])


def test_what_no_sandbox_shows_may_lie_there(tmp_path: Path) -> None:
    assert BubblewrapBackend().shows(tmp_path) is None
    assert BubblewrapBackend().shows(Path.home()) is None
    make_backend("local", hide=[Path("/usr")])
