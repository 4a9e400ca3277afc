"""What only containers can get wrong: what is left of them, and images that lack something."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import anyio
import pytest

from coding_agent.errors import SandboxUnavailable
from coding_agent.sandbox import container
from coding_agent.sandbox.base import SandboxSpec
from coding_agent.sandbox.container import ContainerBackend
from tests.sandbox.conftest import IMAGE
from tests.sandbox.steps import Steps

pytestmark = pytest.mark.skipif(not IMAGE, reason="no CODING_AGENT_IMAGE names an image; `make container` makes one")
BIN = Path(sys.executable).parent


def podman(*arguments: str, given: str = "") -> str:
    done = subprocess.run(["podman", *arguments], input=given, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def containers(harness: int = os.getpid()) -> list[str]:
    """Of one harness; others may be at work."""
    names = f"name=^coding-agent-{harness}-"
    return podman("ps", "--all", "--no-trunc", "--filter", names, "--format", "{{.Names}}").split()


@pytest.fixture
def anyio_backend() -> str:
    """What is tried lies on the other side of the socket."""
    return "trio"


@pytest.fixture
def other_image() -> Iterator[str]:
    name = f"localhost/coding-agent-test-{secrets.token_hex(4)}"
    yield name
    podman("rmi", "--force", name)


async def test_a_container_that_does_not_end_by_itself_is_removed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(container, "PATIENCE_S", 0.2)
    async with ContainerBackend(IMAGE).open(SandboxSpec()) as sandbox:
        assert await Steps(sandbox).says("echo alive") == "alive"
        (made,) = containers()
        podman("kill", "--signal=STOP", made)
    assert containers() == []


async def test_a_cancelled_call_leaves_no_container() -> None:
    with anyio.move_on_after(20) as scope:
        async with ContainerBackend(IMAGE).open(SandboxSpec()) as sandbox:
            await Steps(sandbox).says("true")
            scope.deadline = anyio.current_time() + 0.2
            await Steps(sandbox).sh("(setsid sleep 600 &); sleep 600", timeout_s=600)
    assert scope.cancelled_caught
    assert containers() == []


def test_a_harness_that_is_killed_leaves_no_container() -> None:
    program = f"""
import anyio
from coding_agent.sandbox.base import SandboxSpec
from coding_agent.sandbox.container import ContainerBackend
async def main():
    async with ContainerBackend({IMAGE!r}).open(SandboxSpec()) as sandbox:
        print("open", flush=True)
        await sandbox.exec(["sleep", "600"], timeout_s=600, output_bytes=10)
anyio.run(main)"""
    harness = subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE)
    with harness:
        assert harness.stdout is not None
        assert harness.stdout.readline() == b"open\n"
        assert len(containers(harness.pid)) == 1
        harness.kill()
    deadline = time.monotonic() + 20
    while containers(harness.pid):
        assert time.monotonic() < deadline


async def test_the_search_path_is_the_images_own(other_image: str) -> None:
    podman(
        "build",
        "--quiet",
        "--tag",
        other_image,
        "-f",
        "-",
        given=f"FROM {IMAGE}\nENV PATH=/own/bin:/usr/bin SECRET=1\n",
    )
    async with ContainerBackend(other_image).open(SandboxSpec()) as sandbox:
        assert await Steps(sandbox).says("echo $PATH $SECRET") == "/opt/bin:/own/bin:/usr/bin"


async def test_an_image_that_is_not_here_is_named_with_the_remedy() -> None:
    with pytest.raises(SandboxUnavailable, match=r"localhost/no-such-image.*\n.*podman pull localhost/no-such-image"):
        async with ContainerBackend("localhost/no-such-image").open(SandboxSpec()):
            pass


async def test_what_an_image_lacks_is_named(other_image: str) -> None:
    podman("import", "-", other_image, given="\0" * 1024)
    with pytest.raises(SandboxUnavailable, match=r"(?s)did not start.*env.*\n.*Python 3.8\+"):
        async with ContainerBackend(other_image).open(SandboxSpec()):
            pass


def test_a_rollout_says_what_a_container_does_not_promise_and_records_its_image(tmp_path: Path) -> None:
    kind = f"container:{IMAGE}"
    command: list[str | Path] = [
        BIN / "coding-agent",
        "rollout",
        "tasks/interval-gap",
        "--sandbox",
        kind,
        "--out",
        tmp_path / "run",
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[2])
    assert (done.returncode, f"not promised by {kind}: kernel memory" in done.stderr) == (0, True), done.stderr
    assert f'sandbox = "{kind}"' in (tmp_path / "run" / "run.toml").read_text()
