"""The `local` backend: the same runtime, without isolation. Only by explicit choice, only for tasks that you trust."""

from __future__ import annotations

import functools
import json
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import attrs
from anyio import to_thread

from coding_agent.errors import SandboxUnavailable
from coding_agent.sandbox import places
from coding_agent.sandbox.base import Probe, Sandbox, SandboxSpec
from coding_agent.sandbox.probes import probe_all
from coding_agent.sandbox.spawn import running


@attrs.frozen
class LocalBackend:
    """Runs with the rights of whoever runs it."""

    kind: str = "local"
    promises: tuple[str, ...] = ("environment", "memory", "output", "timeouts")
    lacks: tuple[str, ...] = (
        "filesystem", "network", "processes", "privileges", "syscalls", "disk", "process count", "total memory",
        "fairness",
    )  # fmt: skip

    @asynccontextmanager
    async def open(self, spec: SandboxSpec) -> AsyncIterator[Sandbox]:
        """A private temporary directory and a runtime over it."""
        try:
            base = Path(await to_thread.run_sync(_make_base))
        except OSError as error:
            raise SandboxUnavailable(
                "local", f"no directory could be made: {error}", "free space, or set TMPDIR"
            ) from error
        try:
            command = functools.partial(_command, base, spec)
            remedy = "see the message; `coding-agent doctor --sandbox local` tries again"
            async with running(command, _environment(base), kind="local", remedy=remedy) as channel:
                yield channel
        finally:
            with anyio.CancelScope(shield=True):
                await to_thread.run_sync(_remove, base)

    async def probe(self) -> tuple[Probe, ...]:
        return await probe_all(self, self.promises)


def _command(base: Path, spec: SandboxSpec, fd: int) -> Sequence[str]:
    runtime = str(base / "opt/runtime")
    config = {
        **attrs.asdict(spec), "root": str(base / "workspace"), "namespaces": False, "rg": str(places.ripgrep()),
        "package_parent": runtime, "tmp": str(base / "tmp"), "hidden": str(base), "own": str(base),
    }  # fmt: skip
    interpreter = str(places.python().executable)
    return [interpreter, "-B", "-s", "-S", "-c", places.BOOTSTRAP, runtime, str(fd), json.dumps(config)]


def _environment(base: Path) -> dict[str, str]:
    return {
        **places.FIXED_ENVIRONMENT,
        "HOME": str(base / "tmp"),
        "TMPDIR": str(base / "tmp"),
        "PATH": f"{base / 'opt/bin'}:/usr/local/bin:/usr/bin:/bin",
        "PYTHONPATH": str(base / "opt/site"),
    }


def _make_base() -> str:
    base = Path(tempfile.mkdtemp(prefix="coding-agent-"))
    for name in ("workspace", "tmp", "opt/runtime", "opt/site", "opt/bin"):
        (base / name).mkdir(parents=True)
    (base / "opt/runtime" / places.PACKAGE).symlink_to(places.runtime())
    for name, place in places.test_packages().items():
        (base / "opt/site" / name).symlink_to(place)
    for name in ("python", "python3"):
        (base / "opt/bin" / name).symlink_to(places.python().executable)
    (base / "opt/bin" / "rg").symlink_to(places.ripgrep())
    return str(base)


def _remove(base: Path) -> None:
    if not base.exists():
        return
    try:
        shutil.rmtree(base)
    except (OSError, RecursionError):
        # An agent may have made directories that not even their owner can enter, or nest too deeply for Python.
        for command in (["/bin/chmod", "-R", "u+rwx"], ["/bin/rm", "-rf"]):
            subprocess.run(
                [*command, "--", str(base)], check=False, env={}, stdin=subprocess.DEVNULL, capture_output=True
            )
