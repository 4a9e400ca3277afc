"""The `container` backend: podman, for tasks that bring an image. Rootless or as root, the same promises are tried.

The image brings the system, the interpreter and pytest; the runtime and ripgrep are mounted into it, read-only. The
container gets no capability and no network, and runs as an unprivileged uid of its own; in there the runtime makes
itself a user namespace, in which it can confine each call just as it does under bubblewrap.
"""

from __future__ import annotations

import functools
import itertools
import json
import os
import resource
import secrets
import shutil
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import attrs
from anyio import to_thread

from coding_agent.errors import SandboxDied, SandboxUnavailable
from coding_agent.sandbox import places
from coding_agent.sandbox.base import Probe, Sandbox, SandboxSpec
from coding_agent.sandbox.bubblewrap import SKELETON
from coding_agent.sandbox.probes import probe_all
from coding_agent.sandbox.spawn import Ending, running

REMEDY = (
    "whoever is not root needs `newuidmap`, and an entry in /etc/subuid and /etc/subgid; the image needs `env`, "
    "Python 3.8+ as `python3` and pytest 7.0+; `python scripts/make_image.py NAME` makes such an image from this host"
)
PATIENCE_S = 20.0
"""For a container to end and be removed, once hung up; a machine that is busy takes seconds."""
DESCRIPTOR = 3
"""Of the socket, inside: podman hands on the first ones after stderr."""
_uids = itertools.count()
_ENGINE_VARIABLES = ("HOME", "PATH", "USER", "TMPDIR", "XDG_RUNTIME_DIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME")

_AS_THREE = (
    "import os, sys; fd, *command = sys.argv[1:]; fd = int(fd); os.dup2(fd, 3); fd > 3 and os.close(fd); "
    "os.execv(command[0], command)"
)
_BOOTSTRAP = f"""
import sys
try: from _pytest._version import version_tuple
except ImportError: sys.exit('the image has no pytest, or one older than 7.0, for ' + sys.executable)
{places.BOOTSTRAP}"""


@attrs.frozen
class Image:
    """An image of this host: its id, which does not move as its name may, and its own search path."""

    id: str
    path: str


@attrs.frozen
class ContainerBackend:
    """One container per sandbox, removed when it ends."""

    image: str
    promises: tuple[str, ...] = (
        "filesystem", "network", "processes", "environment", "privileges", "syscalls", "memory", "disk",
        "process count", "total memory", "fairness", "output", "timeouts",
    )  # fmt: skip
    lacks: tuple[str, ...] = (
        "kernel memory", "kernel bugs", "side channels", "names of the engine's directories",
        "mounts that the engine's configuration adds",
    )  # fmt: skip

    @property
    def kind(self) -> str:
        return f"container:{self.image}"

    @asynccontextmanager
    async def open(self, spec: SandboxSpec) -> AsyncIterator[Sandbox]:
        """Raises SandboxUnavailable with the remedy."""
        image = await to_thread.run_sync(_image, self.image)
        name = f"coding-agent-{os.getpid()}-{secrets.token_hex(6)}"

        def command(fd: int) -> Sequence[str]:
            interpreter = str(places.python().executable)
            return [interpreter, "-I", "-S", "-c", _AS_THREE, str(fd), _podman(), *_arguments(spec, image, name)]

        ending = Ending(patience_s=PATIENCE_S, force=functools.partial(_remove, name))
        async with running(command, _engine_environment(), kind=self.kind, remedy=REMEDY, ending=ending) as channel:
            yield channel

    async def probe(self) -> tuple[Probe, ...]:
        return await probe_all(self, self.promises)


def _arguments(spec: SandboxSpec, image: Image, name: str) -> list[str]:
    config = {**attrs.asdict(spec), "root": "/workspace", "namespaces": True, "rg": "/opt/bin/rg",
              "package_parent": "/opt/runtime", "hidden": "", "become": 1000,
              "cover": ["/sys", "/run", "/dev/mqueue"]}  # fmt: skip
    environment = {**places.FIXED_ENVIRONMENT, "PATH": f"/opt/bin:{image.path}"}
    mounts = {
        places.runtime(): f"/opt/runtime/{places.PACKAGE}", places.ripgrep(): "/opt/bin/rg",
        SKELETON / "passwd": "/etc/passwd", SKELETON / "group": "/etc/group",
    }  # fmt: skip
    # As root the host's own uids; else those that /etc/subuid lends.
    first = 200_000 if os.geteuid() == 0 else 1_000
    uid = first + (os.getpid() * 64 + next(_uids)) % 60_000
    files, tasks = (resource.getrlimit(kind)[1] for kind in (resource.RLIMIT_NOFILE, resource.RLIMIT_NPROC))
    return [
        "run", "--rm", "--name", name, "--pull=never", "--log-driver=none", "--sig-proxy=false", "--preserve-fds=1",
        "--network=none", "--no-hosts", "--hostname=sandbox", "--http-proxy=false", "--read-only",
        "--read-only-tmpfs=false", "--cap-drop=ALL", "--security-opt=no-new-privileges",
        # The runtime needs to make namespaces and to mount a /proc in them; each call gets a stricter filter of ours.
        "--security-opt=seccomp=unconfined", "--security-opt=apparmor=unconfined", "--security-opt=label=disable",
        "--security-opt=unmask=ALL", f"--user={uid}:{uid}", "--passwd=false",
        # Else the engine asks for more than whoever runs it may have.
        f"--ulimit=nofile={_at_most(files)}", f"--ulimit=nproc={_at_most(tasks)}",
        *(f"--mount=type=bind,source={source},target={target},readonly" for source, target in mounts.items()),
        "--tmpfs=/workspace:size=4k,mode=755,notmpcopyup", "--workdir=/workspace", "--entrypoint=env", image.id, "-i",
        *(f"{key}={value}" for key, value in environment.items()),
        "python3", "-B", "-s", "-c", _BOOTSTRAP, "/opt/runtime", str(DESCRIPTOR), json.dumps(config),
    ]  # fmt: skip


def _at_most(hard: int) -> str:
    value = 4096 if hard == resource.RLIM_INFINITY else min(hard, 4096)
    return f"{value}:{value}"


def _podman() -> str:
    found = shutil.which("podman")
    if found is None:
        raise SandboxUnavailable("container", "there is no podman", "install podman, or use `--sandbox bubblewrap`")
    return found


def _engine_environment() -> dict[str, str]:
    """What podman itself is given: where its files are, nothing else of ours."""
    return {
        name: value for name, value in os.environ.items() if name in _ENGINE_VARIABLES or name.startswith("CONTAINERS_")
    }


def _ask_podman(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [_podman(), *arguments], env=_engine_environment(), cwd="/", stdin=subprocess.DEVNULL, capture_output=True,
        text=True, errors="backslashreplace", check=False, timeout=60,
    )  # fmt: skip


@functools.cache
def _image(name: str) -> Image:
    """Raises SandboxUnavailable."""
    try:
        found = _ask_podman("image", "inspect", "--", name)
    except subprocess.TimeoutExpired as error:
        raise SandboxUnavailable(f"container:{name}", f"podman does not answer: {error}", REMEDY) from error
    if found.returncode != 0:
        remedy = f"`podman pull {name}`, or make it: `python scripts/make_image.py {name}`"
        raise SandboxUnavailable(f"container:{name}", found.stderr.strip(), remedy)
    told = json.loads(found.stdout)[0]
    given = dict(each.partition("=")[::2] for each in told["Config"].get("Env") or ())
    return Image(told["Id"], given.get("PATH", "/usr/local/bin:/usr/bin:/bin"))


def _remove(name: str) -> None:
    """The container, whatever state it is in. Raises SandboxDied."""
    try:
        done = _ask_podman("rm", "--force", "--time=0", "--ignore", name)
    except subprocess.TimeoutExpired as error:
        raise SandboxDied(f"the container {name} could not be removed: {error}") from error
    if done.returncode != 0:
        raise SandboxDied(f"the container {name} could not be removed: {done.stderr.strip()}")
