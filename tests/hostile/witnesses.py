"""Who watches from the host: canaries that nobody may touch, and a count of what there was before and after."""

from __future__ import annotations

import contextlib
import ctypes
import os
import secrets
import socket
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import attrs

CHECKOUT = Path(__file__).parents[2]
TOKENS = ("gold", "hidden", "neighbour")
VARIABLE = "CODING_AGENT_CANARY"
_SUBREAPER = 36
_MOUNTED = ("/newroot", "/oldroot", "/workspace", "/opt/", "/usr", "/bin", "/lib", "/etc", "/proc", "/dev", "/tmp")
"""Where sandboxes mount; what others mount elsewhere on this machine meanwhile is not theirs."""


@attrs.frozen
class Canaries:
    """Things of the host that anybody on it could read, change or connect to: only isolation protects them."""

    folder: Path
    listeners: Mapping[str, socket.socket]
    tokens: Mapping[str, str] = attrs.field(factory=lambda: {k: f"cnry-{k}-{secrets.token_hex(8)}" for k in TOKENS})
    """Content by which gold patch, hidden tests and a neighbour's file are known wherever they turn up."""

    def world(self, run: Path) -> dict[str, object]:
        """What programs are told, so that they aim well."""
        return {
            "folder": str(self.folder), "canary": str(self.folder / "canary"), "run": str(run), "pid": os.getpid(),
            "checkout": str(CHECKOUT), "socket": str(self.folder / "socket"), "abstract": self._abstract(),
            "port": self.listeners["tcp"].getsockname()[1], "variable": VARIABLE,
        }  # fmt: skip

    def _abstract(self) -> str:
        return str(self.listeners["abstract"].getsockname().decode().removeprefix("\0"))

    def contents(self) -> dict[str, bytes]:
        """What the files of the folder must hold."""
        return {
            "canary": b"untouched",
            "gold.patch": self.tokens["gold"].encode(),
            "test_hidden.py": self.tokens["hidden"].encode(),
        }

    def harm(self, run: Path) -> Iterator[str]:
        """What has been done to them, and where what only the host has turned up in a run directory."""
        content = {path.name: path.read_bytes() for path in self.folder.iterdir() if path.is_file()}
        if content != self.contents():
            yield f"the canary's folder holds {content}"
        if sorted(path.name for path in self.folder.iterdir()) != sorted(["inner", "socket", *content]):
            yield f"the canary's folder holds {sorted(self.folder.iterdir())}"
        for name in ("gold", "neighbour"):
            token = self.tokens[name].encode()
            found = [path for path in run.rglob("*") if path.is_file() and token in path.read_bytes()]
            yield from (f"{path} holds the {name} canary" for path in found)
        for name, listener in self.listeners.items():
            with contextlib.suppress(BlockingIOError):
                listener.accept()[0].close()
                yield f"somebody connected to the {name} socket"


@contextlib.contextmanager
def canaries(folder: Path) -> Iterator[Canaries]:
    """A folder that anybody may write, sockets that anybody may connect to, a variable of this process."""
    folder.mkdir()
    (folder / "inner").mkdir()
    (folder / "inner").chmod(0o777)
    folder.chmod(0o777)
    addresses: dict[str, tuple[socket.AddressFamily, object]] = {
        "path": (socket.AF_UNIX, str(folder / "socket")),
        "abstract": (socket.AF_UNIX, f"\0coding-agent-canary-{os.getpid()}"),
        "tcp": (socket.AF_INET, ("127.0.0.1", 0)),
    }
    with contextlib.ExitStack() as stack:
        listeners = {name: stack.enter_context(socket.socket(family)) for name, (family, _) in addresses.items()}
        for name, (_, address) in addresses.items():
            listeners[name].bind(address)  # type: ignore[arg-type]
            listeners[name].listen()
            listeners[name].setblocking(False)
        (folder / "socket").chmod(0o777)
        os.environ[VARIABLE] = "sesame"
        try:
            watched = Canaries(folder, listeners)
            for name, data in watched.contents().items():
                (folder / name).write_bytes(data)
                (folder / name).chmod(0o666)
            yield watched
        finally:
            del os.environ[VARIABLE]


@attrs.frozen(kw_only=True)
class Holdings:
    """What this process has of the machine."""

    processes: frozenset[int]
    mounts: frozenset[str]
    descriptors: int
    directories: frozenset[str]
    containers: frozenset[str]

    def left(self, before: Holdings) -> Iterator[str]:
        """What is here now that was not there before."""
        yield from (f"process {pid} ({_command(pid)})" for pid in self.processes - before.processes)
        yield from (f"mount {line}" for line in self.mounts - before.mounts)
        yield from (f"directory {name}" for name in self.directories - before.directories)
        yield from (f"container {name}" for name in self.containers - before.containers)
        if self.descriptors > before.descriptors:
            yield f"{self.descriptors - before.descriptors} descriptors"


@contextlib.contextmanager
def adopting_orphans() -> Iterator[None]:
    """Whatever a sandbox leaves behind becomes a child of this process, and is seen; what has ended is let go."""
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    try:
        yield
    finally:
        ctypes.CDLL(None).prctl(_SUBREAPER, 0, 0, 0, 0)
        with contextlib.suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass


def holdings(scratch: Path, kind: str) -> Holdings:
    """Descendants, mounts, descriptors, the sandbox's containers, and the entries of the directory for temporary files."""
    mounts = [line.split()[4:] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    ours = (str(scratch), *_MOUNTED)
    return Holdings(
        processes=frozenset(_descendants(os.getpid())),
        mounts=frozenset(" ".join(words) for words in mounts if words[0].startswith(ours)),
        descriptors=len(list(Path("/proc/self/fd").iterdir())),
        directories=frozenset(path.name for path in scratch.iterdir()),
        containers=frozenset(_containers() if kind.startswith("container:") else ()),
    )


def _containers() -> list[str]:
    """Of this process, by name, whatever their state. Not asked for nothing: podman leaves a process of its own."""
    ours = ["--filter", f"name=^coding-agent-{os.getpid()}-", "--format", "{{.Names}}"]
    return subprocess.run(["podman", "ps", "--all", *ours], capture_output=True, text=True, check=False).stdout.split()


def _descendants(root: int) -> Iterator[int]:
    parents: dict[int, list[int]] = {}
    for place in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            fields = (place / "stat").read_bytes().rpartition(b")")[2].split()
            # A zombie is over; as orphans of a sandbox they are this process's to collect, not its sandboxes'.
            if fields[0] != b"Z":
                parents.setdefault(int(fields[1]), []).append(int(place.name))
    waiting = [root]
    while waiting:
        below = parents.get(waiting.pop(), [])
        yield from below
        waiting += below


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")[:100]
    except OSError:
        return "gone"
