"""Linux calls that Python does not offer, and what a process gives up before it runs agent code."""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import struct
from typing import Any

from . import seccomp

_LIBC = ctypes.CDLL(None, use_errno=True)
_NEWNS, _NEWIPC, _NEWUSER, _NEWPID = 0x00020000, 0x08000000, 0x10000000, 0x20000000
_PRIVATE = 0x4000 | 0x40000
_PLAIN = 2 | 4
"""MS_NOSUID, MS_NODEV."""
_NOEXEC = 8
_BIND, _REMOUNT, _READ_ONLY = 4096, 32, 1
INODES = 65536
"""Of a scratch file system: a million empty files would fill the kernel's memory, which no size counts."""

TERMINALS = 64
"""Of one call."""


def _check(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, "%s: %s" % (what, os.strerror(number)))


def separate() -> None:
    """Leave the runtime's pid, mount and IPC namespaces. Raises OSError."""
    _check(_LIBC.unshare(_NEWPID | _NEWNS | _NEWIPC), "unshare")


def prepare(config: dict[str, Any]) -> None:
    """What the runtime does for itself, once: become a subreaper, bound the workspace. Raises OSError."""
    # Orphans of the runtime's children become its own, so that it can kill them.
    _check(_LIBC.prctl(36, 1, 0, 0, 0), "subreaper")
    if config["namespaces"]:
        if "become" in config:
            _own_user_namespace(config["become"])
        _check(_LIBC.unshare(_NEWNS), "unshare")
        _mount("none", "/", "", _PRIVATE, "")
        for place in config.get("cover", []):
            if os.path.isdir(place):
                _mount("tmpfs", place, "tmpfs", _PLAIN | _NOEXEC | _READ_ONLY, "mode=755,size=4k")
        options = "mode=755,size=%d,nr_inodes=%d" % (config["workspace_bytes"], INODES)
        _mount("tmpfs", config["root"], "tmpfs", _PLAIN, options)
    os.chdir(config["root"])


def _own_user_namespace(uid: int) -> None:
    """In which this process is called `uid`, and may make the other namespaces. Raises OSError."""
    outside = {"uid_map": os.getuid(), "gid_map": os.getgid()}
    _check(_LIBC.unshare(_NEWUSER), "unshare user namespace")
    for name, text in (("setgroups", "deny"), *((name, "%d %d 1" % (uid, one)) for name, one in outside.items())):
        with open("/proc/self/" + name, "w") as file:
            file.write(text)


def scratch(config: dict[str, Any]) -> None:
    """An empty /tmp (and /dev/shm, /dev/pts, and the /proc of this namespace) for the call that starts. Raises OSError."""
    if not config["namespaces"]:
        import shutil  # only here, because its import is a tenth of the runtime's start

        shutil.rmtree(config["tmp"], ignore_errors=True)
        os.makedirs(config["tmp"], exist_ok=True)
        return
    _mount("none", "/", "", _PRIVATE, "")
    _mount("proc", "/proc", "proc", _PLAIN | _NOEXEC, "")
    options = "mode=1777,size=%d,nr_inodes=%d" % (config["tmp_bytes"], INODES)
    _mount("tmpfs", "/tmp", "tmpfs", _PLAIN, options)
    _mount("tmpfs", "/dev/shm", "tmpfs", _PLAIN, options)
    # The kernel has a few thousand terminals for the whole machine.
    _mount("devpts", "/dev/pts", "devpts", 2 | _NOEXEC, "newinstance,ptmxmode=666,mode=620,max=%d" % TERMINALS)


def _mount(source: str, target: str, kind: str, flags: int, options: str) -> None:
    names = [os.fsencode(text) or None for text in (source, target, kind)]
    _check(_LIBC.mount(*names, ctypes.c_ulong(flags), options.encode() or None), "mount " + target)


def protect(paths: list[str]) -> None:
    """Paths below the working directory become read-only for what starts now, and can not be moved away.

    A mount point can not be renamed; so each folder on the way becomes one. Raises OSError.
    """
    done: set[str] = set()
    for path in paths:
        parts = path.split("/")
        for end in range(1, len(parts) + 1):
            place = "/".join(parts[:end])
            if place not in done:
                done.add(place)
                _mount(place, place, "", _BIND, "")
        _mount("none", path, "", _BIND | _REMOUNT | _READ_ONLY | _PLAIN, "")


def hide(paths: list[str]) -> None:
    """For this process and what it starts, these files below the working directory are empty. Raises OSError."""
    _check(_LIBC.unshare(_NEWNS), "unshare")
    _mount("none", "/", "", _PRIVATE, "")
    for path in paths:
        if os.path.isfile(path):
            _mount("/dev/null", path, "", _BIND, "")


def let_look(allowed: bool) -> None:
    """Whether other processes of the same user may look into this one (its descriptors, its memory)."""
    _LIBC.prctl(4, int(allowed), 0, 0, 0)


def die_with_parent() -> None:
    _LIBC.prctl(1, int(signal.SIGKILL), 0, 0, 0)


def die_first() -> None:
    """When the machine or the control group runs out of memory."""
    try:
        with open("/proc/self/oom_score_adj", "w") as file:
            file.write("1000")
    except OSError:
        pass


def limit(config: dict[str, Any]) -> None:
    """Resource limits of this process and all that it starts."""
    limits: tuple[tuple[int, int], ...] = (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_AS, config["memory_bytes"]),
        (resource.RLIMIT_FSIZE, config["file_bytes"]),
        (resource.RLIMIT_NOFILE, config["open_files"]),
        (resource.RLIMIT_CPU, config["cpu_s"]),
    )
    if config["namespaces"]:
        # Counted per user namespace: sandboxes of one user do not share it.
        limits += ((resource.RLIMIT_NPROC, config["processes"]),)
    for kind, value in limits:
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))


READ_ANYTHING = 1 << 2
"""CAP_DAC_READ_SEARCH: files that an agent has locked are still its workspace."""


def drop(isolated: bool, keep: int = 0) -> None:
    """Privileges, for good, but for those in `keep`. Raises OSError."""
    if isolated:
        for capability in range(64):
            if not keep >> capability & 1:
                _LIBC.prctl(24, capability, 0, 0, 0)
        header, kept = struct.pack("=Ii", 0x20080522, 0), struct.pack("=6I", keep, keep, keep, 0, 0, 0)
        _check(_LIBC.capset(ctypes.c_char_p(header), ctypes.c_char_p(kept)), "capset")
    _check(_LIBC.prctl(38, 1, 0, 0, 0), "no_new_privs")
    if isolated:
        seccomp.install(_LIBC)
