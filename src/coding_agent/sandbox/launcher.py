"""Starting bubblewrap as root without staying root: bind what is needed where anybody may go, drop to a uid, exec.

An interpreter may live below a home that only root can enter, so the binding happens first, in a private mount
namespace. This file is also the program that does it: standard library only.
"""

from __future__ import annotations

import atexit
import ctypes
import functools
import json
import os
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from coding_agent.sandbox.bubblewrap import Binding

_NEWNS, _BIND, _PRIVATE = 0x00020000, 0x1000 | 0x4000, 0x40000 | 0x4000


def launcher_command(
    uid: int, bindings: Sequence[Binding], arguments: Callable[[Sequence[Binding]], list[str]]
) -> list[str]:
    """The command that binds everything below a traversable directory and becomes bubblewrap as `uid`."""
    from coding_agent.sandbox import places  # noqa: PLC0415  not there when this file runs as a program
    from coding_agent.sandbox.bubblewrap import Binding  # noqa: PLC0415

    stage = _stage()
    binds = [(str(each.source), f"{stage}/{number}") for number, each in enumerate(bindings)]
    moved = [Binding(Path(target), each.target) for (_, target), each in zip(binds, bindings, strict=True)]
    program = str(places.bubblewrap())
    if not program.startswith("/usr/"):
        # The wheel's bwrap finds its library relative to itself, so their common parent directory moves along.
        package = places.bubblewrap().parent.parent
        libraries = package.with_name(f"{package.name}.libs")
        binds += [(str(package), f"{stage}/wheel/{package.name}"), (str(libraries), f"{stage}/wheel/{libraries.name}")]
        program = f"{stage}/wheel/{package.name}/_bin/bwrap"
    plan = {"stage": stage, "uid": uid, "binds": [bind for bind in binds if Path(bind[0]).exists()]}
    interpreter = str(places.python().executable)
    return [interpreter, "-I", "-S", "-B", __file__, json.dumps(plan), program, *arguments(moved)]


@functools.cache
def _stage() -> str:
    """An empty directory to mount over; each launcher does so in a namespace of its own."""
    place = Path(tempfile.mkdtemp(prefix="coding-agent-stage-"))
    place.chmod(0o755)
    atexit.register(_forget, place)
    return str(place)


def _forget(place: Path) -> None:
    if place.exists():
        place.rmdir()


def main(plan: dict[str, object], command: list[str]) -> None:
    """Runs as root in a process of its own, and becomes `command`. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)

    def mount(source: str, target: str, kind: bytes | None, flags: int, data: bytes | None = None) -> None:
        if libc.mount(os.fsencode(source), os.fsencode(target), kind, flags, data) != 0:
            raise OSError(ctypes.get_errno(), f"mount {source} on {target}")

    if libc.unshare(_NEWNS) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    mount("none", "/", None, _PRIVATE)
    mount("tmpfs", str(plan["stage"]), b"tmpfs", 0, b"mode=755,size=1m")
    for source, target in plan["binds"]:  # type: ignore[attr-defined]
        place = Path(target)
        if Path(source).is_dir():
            place.mkdir(parents=True)
        else:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.touch()
        mount(source, target, None, _BIND)
    uid = int(str(plan["uid"]))
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    libc.prctl(4, 1, 0, 0, 0)  # PR_SET_DUMPABLE: the change of uid cleared it, and /proc/self would belong to root
    libc.prctl(1, 9, 0, 0, 0)  # PR_SET_PDEATHSIG: cleared by the change of uid, too
    os.execv(command[0], command)  # noqa: S606  # noqa: S606  becoming it is the point


if __name__ == "__main__":
    main(json.loads(sys.argv[1]), sys.argv[2:])
