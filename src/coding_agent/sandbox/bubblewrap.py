"""The default backend: bubblewrap, unprivileged. The file system that a sandbox sees is built here, path by path.

Nothing of the host is writable or even visible but a read-only system, an interpreter, pytest and the runtime; the
workspace is a sized tmpfs, filled over the socket, and nothing is mounted below it.
"""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import attrs

from coding_agent.sandbox import cgroups, places
from coding_agent.sandbox.base import Probe, Sandbox, SandboxSpec
from coding_agent.sandbox.launcher import Binding, launcher_command, refuse_unreadable
from coding_agent.sandbox.probes import probe_all
from coding_agent.sandbox.spawn import running

REMEDY = (
    "allow unprivileged user namespaces (as root: `sysctl -w kernel.unprivileged_userns_clone=1 "
    "user.max_user_namespaces=15000`; on Ubuntu 24.04+ also `sysctl -w kernel.apparmor_restrict_unprivileged_userns=0`; in "
    "docker: `--security-opt seccomp=unconfined --security-opt systempaths=unconfined`), or, for tasks that you "
    "trust, choose no isolation explicitly: `--sandbox local`, `make demo SANDBOX=local`"
)
SKELETON = Path(__file__).parent / "skeleton"
LIBRARIES = "/opt/lib"
"""Where an interpreter finds a shared library of its own, and only that."""
_uids = itertools.count()


@attrs.frozen
class BubblewrapBackend:
    """One bubblewrap per sandbox, as whoever runs it; as root, each under an unprivileged uid of its own."""

    kind: str = "bubblewrap"
    promises: tuple[str, ...] = (
        "filesystem", "network", "processes", "environment", "privileges", "syscalls", "memory", "disk", "process count",
        "total memory", "fairness", "output", "timeouts",
    )  # fmt: skip
    lacks: tuple[str, ...] = ("kernel memory", "kernel bugs", "side channels")

    @asynccontextmanager
    async def open(self, spec: SandboxSpec) -> AsyncIterator[Sandbox]:
        """Raises SandboxUnavailable with the remedy."""
        bindings = self._bindings()
        as_root = os.geteuid() == 0
        if as_root:
            refuse_unreadable(self.kind, _needed())

        def command(fd: int) -> Sequence[str]:
            if not as_root:
                return enter([str(places.bubblewrap()), *_arguments(spec, bindings, fd)])
            uid = 200_000 + (os.getpid() * 64 + next(_uids)) % 60_000
            return enter(launcher_command(uid, bindings, lambda moved: _arguments(spec, moved, fd)))

        with cgroups.group(spec) as enter:
            async with running(command, {}, kind="bubblewrap", remedy=REMEDY) as channel:
                yield channel

    async def probe(self) -> tuple[Probe, ...]:
        found = await probe_all(self, self.promises)
        how = "counted by control groups, too" if cgroups.delegated() else "counted; no control group is delegated here"
        return tuple(
            attrs.evolve(each, detail=how) if each.holds and each.promise == "total memory" else each for each in found
        )

    def shows(self, place: Path) -> Path | None:
        """Where its sandboxes find a place of this host, if they do."""
        place, masked = place.resolve(), _interpreter()[1]
        for each in (Binding(Path("/usr"), "/usr"), *self._bindings()):
            source = each.source.resolve()
            if place.is_relative_to(source):
                inside = Path(each.target, place.relative_to(source))
                if not any(inside.is_relative_to(hidden) for hidden in masked):
                    return inside
        return None

    def _bindings(self) -> list[Binding]:
        found = [
            Binding(places.runtime(), f"/opt/runtime/{places.PACKAGE}"),
            Binding(places.ripgrep(), "/opt/bin/rg"),
            Binding(SKELETON / "passwd", "/etc/passwd"),
            Binding(SKELETON / "group", "/etc/group"),
        ]
        prefix = places.python().prefix
        if prefix is not None:
            found.append(Binding(prefix, "/opt/python"))
        library = places.python_library()
        if library is not None:
            found.append(Binding(library, f"{LIBRARIES}/{library.name}"))
        found += [Binding(place, f"/opt/site/{name}") for name, place in places.test_packages().items()]
        return found


def _needed() -> tuple[Path, ...]:
    """What a sandbox reads of this host before it runs anything; all of an interpreter would be too much to look at."""
    python, library = places.python(), places.python_library()
    own = [] if python.prefix is None else [python.executable, python.prefix / python.library / "os.py"]
    return (
        places.runtime(),
        places.ripgrep(),
        SKELETON,
        *own,
        *([library] if library else []),
        *places.test_packages().values(),
    )


def _arguments(spec: SandboxSpec, bindings: Sequence[Binding], fd: int) -> list[str]:
    interpreter, masked = _interpreter()
    config = {**attrs.asdict(spec), "root": "/workspace", "namespaces": True, "rg": "/opt/bin/rg",
              "package_parent": "/opt/runtime", "hidden": ""}  # fmt: skip
    system: list[str] = []
    for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32"):
        place = Path("/", name)
        if place.is_symlink():
            system += ["--symlink", str(place.readlink()), str(place)]
        elif place.is_dir():
            system += ["--ro-bind", str(place), str(place)]
    environment = {
        **places.FIXED_ENVIRONMENT,
        "PATH": "/opt/bin:/usr/local/bin:/usr/bin:/bin",
        "PYTHONPATH": "/opt/site",
        **({} if places.python_library() is None else {"LD_LIBRARY_PATH": LIBRARIES}),
    }
    return [
        "--unshare-user", "--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try",
        "--uid", "1000", "--gid", "1000", "--hostname", "sandbox", "--die-with-parent", "--new-session", "--cap-add", "ALL",
        "--clearenv", *itertools.chain.from_iterable(("--setenv", name, value) for name, value in environment.items()),
        "--ro-bind", "/usr", "/usr", *system, "--ro-bind-try", "/etc/ld.so.cache", "/etc/ld.so.cache",
        "--ro-bind-try", "/etc/alternatives", "/etc/alternatives", "--proc", "/proc", "--dev", "/dev",
        "--size", str(spec.tmp_bytes), "--tmpfs", "/dev/shm", "--remount-ro", "/dev",
        "--size", str(spec.tmp_bytes), "--tmpfs", "/tmp",
        *itertools.chain.from_iterable(("--ro-bind", str(each.source), each.target) for each in bindings),
        *itertools.chain.from_iterable(("--size", "4096", "--tmpfs", place, "--remount-ro", place) for place in masked),
        "--symlink", interpreter, "/opt/bin/python", "--symlink", interpreter, "/opt/bin/python3",
        "--dir", "/workspace", "--remount-ro", "/", "--chdir", "/workspace",
        "--", interpreter, "-B", "-s", "-S", "-c", places.BOOTSTRAP, "/opt/runtime", str(fd), json.dumps(config),
    ]  # fmt: skip


def _interpreter() -> tuple[str, list[str]]:
    """(the interpreter inside, directories to hide: other people's packages, among which this project may be)."""
    python = places.python()
    hidden = [*Path("/usr/local/lib").glob("python3*/*-packages"), Path("/usr/lib/python3/dist-packages")]
    masked = [str(place) for place in (*hidden, Path("/usr/src"), Path("/usr/local/src")) if place.is_dir()]
    if python.prefix is None:
        return str(python.executable), masked
    inside = "/opt/python/" + str(python.executable.relative_to(python.prefix))
    packages = Path(python.library, "site-packages")
    return inside, [*masked, *([f"/opt/python/{packages}"] if (python.prefix / packages).is_dir() else [])]
