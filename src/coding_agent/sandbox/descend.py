"""The program that makes a root's binds and then is root no more: see `launcher.py`, which composes its plan.

Run by path with the bare standard library, once per sandbox, so it imports as little as it can.
"""

from __future__ import annotations

import ctypes
import json
import os
import sys

NEWNS, BIND, PRIVATE = 0x00020000, 0x1000 | 0x4000, 0x40000 | 0x4000
_LIBC = ctypes.CDLL(None, use_errno=True)


def mount(source: str, target: str, kind: bytes | None, flags: int, data: bytes | None = None) -> None:
    """Raises OSError."""
    if _LIBC.mount(os.fsencode(source), os.fsencode(target), kind, flags, data) != 0:
        raise OSError(ctypes.get_errno(), f"mount {source} on {target}")


def main(stage: str, uid: int, binds: list[list[str]], command: list[str]) -> None:
    """Bind below `stage`, become `uid`, become `command`. Raises OSError."""
    if _LIBC.unshare(NEWNS) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    mount("none", "/", None, PRIVATE)
    # What is made here is entered by another uid, whatever root's habits are.
    os.umask(0o022)
    # Opened before the stage covers what is below it, a checkout in /tmp among others.
    opened = [(os.open(source, os.O_PATH | os.O_CLOEXEC), target) for source, target in binds]
    mount("tmpfs", stage, b"tmpfs", 0, b"mode=755,size=1m")
    for fd, target in opened:
        source = f"/proc/self/fd/{fd}"
        folder = os.path.isdir(source)  # noqa: PTH112  pathlib is not worth its import here
        os.makedirs(target if folder else os.path.dirname(target), exist_ok=True)  # noqa: PTH103, PTH120
        if not folder:
            os.close(os.open(target, os.O_WRONLY | os.O_CREAT, 0o644))
        mount(source, target, None, BIND)
    os.setgroups([])
    os.setresgid(uid, uid, uid)
    os.setresuid(uid, uid, uid)
    _LIBC.prctl(4, 1, 0, 0, 0)  # PR_SET_DUMPABLE: the change of uid cleared it, and /proc/self would belong to root
    _LIBC.prctl(1, 9, 0, 0, 0)  # PR_SET_PDEATHSIG: cleared by the change of uid, too
    os.execv(command[0], command)  # noqa: S606  becoming it is the point


if __name__ == "__main__":
    plan = json.loads(sys.argv[1])
    main(plan["stage"], plan["uid"], plan["binds"], sys.argv[2:])
