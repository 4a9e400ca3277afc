"""Running something for a while: a process of its own, in namespaces of its own, that leaves nothing behind.

runtime ─fork─▶ warden (new pid and mount namespace) ─fork─▶ init (pid 1 there; own /proc, /tmp, /dev/shm)
        ─fork─▶ the process (limits, no capabilities, seccomp). When init ends, the kernel kills whatever is left.
Without namespaces the process is the runtime's child, and the runtime, a subreaper, kills all its descendants.
"""

from __future__ import annotations

import ctypes
import os
import resource
import select
import signal
import struct
import time
from typing import Any, Callable, Dict, List, Optional, Protocol, Tuple

from . import seccomp

_LIBC = ctypes.CDLL(None, use_errno=True)
_NEWPID_NEWNS = 0x20000000 | 0x00020000
_PRIVATE = 0x4000 | 0x40000
_PLAIN = 2 | 4
"""MS_NOSUID, MS_NODEV."""


class Sink(Protocol):
    def feed(self, data: bytes) -> None: ...


class Ended:
    """How the process ended. `status` None: killed for time."""

    def __init__(self, status: Optional[int], timed_out: bool) -> None:
        self.status, self.timed_out = status, timed_out


def run(
    main: Callable[[Dict[str, int]], int], sinks: Dict[str, Sink], config: Dict[str, Any], timeout_s: float
) -> Ended:
    """Run `main` in a process of its own; what it writes to the pipe named `out` is its stdout and stderr, the others
    it gets as descriptors."""
    pipes = {name: os.pipe() for name in (*sinks, "_status")}
    pid = os.fork()
    if pid == 0:
        _child(main, {name: ends[1] for name, ends in pipes.items()}, config)
    for _, write_end in pipes.values():
        os.close(write_end)
    ends = {name: read_end for name, (read_end, _) in pipes.items()}
    try:
        return _watch(ends, sinks, time.monotonic() + timeout_s, pid, config)
    finally:
        for read_end in ends.values():
            os.close(read_end)


def _watch(
    ends: Dict[str, int], sinks: Dict[str, Sink], deadline: float, pid: int, config: Dict[str, Any]
) -> Ended:
    poll = select.poll()
    names = {fd: name for name, fd in ends.items()}
    for fd in names:
        os.set_blocking(fd, False)
        poll.register(fd, select.POLLIN)
    status = b""
    timed_out = False
    while len(status) < 12 and not timed_out:
        left = deadline - time.monotonic()
        ready = poll.poll(max(0.0, left) * 1000)
        timed_out = left <= 0
        for fd, _ in ready:
            data = _drain(fd, 1 << 16)
            if data == b"":
                poll.unregister(fd)
                if names[fd] == "_status":
                    timed_out = timed_out or False
                    break
            elif data and names[fd] == "_status":
                status += data
            elif data:
                sinks[names[fd]].feed(data)
        else:
            continue
        break
    _end(status, pid, config)
    for name, sink in sinks.items():
        _finish(ends[name], sink)
    if len(status) < 12:
        return Ended(None if timed_out else -int(signal.SIGKILL), timed_out)
    return Ended(struct.unpack("=ii", status[4:12])[0], False)


def _drain(fd: int, size: int) -> Optional[bytes]:
    try:
        return os.read(fd, size)
    except BlockingIOError:
        return None


def _finish(fd: int, sink: Sink) -> None:
    # Bounded: whoever could still write is dead, so the pipe holds at most its capacity.
    for _ in range(64):
        data = _drain(fd, 1 << 16)
        if not data:
            return
        sink.feed(data)


def _end(status: bytes, pid: int, config: Dict[str, Any]) -> None:
    if config["namespaces"]:
        if len(status) >= 4:
            _kill(struct.unpack("=i", status[:4])[0])
        _kill(pid)
        os.waitpid(pid, 0)
    else:
        kill_descendants()


def _kill(pid: int) -> None:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        pass


def kill_descendants() -> None:
    """Kill and reap every process below this one. Needs PR_SET_CHILD_SUBREAPER."""
    while True:
        found = _descendants(os.getpid())
        for pid in found:
            _kill(pid)
        try:
            while os.waitpid(-1, 0 if found else os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return


def _descendants(root: int) -> List[int]:
    parents: Dict[int, int] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open("/proc/%s/stat" % name, "rb") as file:
                    fields = file.read().rpartition(b")")[2].split()
            except OSError:
                continue
            parents[int(name)] = int(fields[1])
    found = {root}
    grown = True
    while grown:
        below = {pid for pid, parent in parents.items() if parent in found} - found
        grown = bool(below)
        found |= below
    return sorted(found - {root})


def _child(main: Callable[[Dict[str, int]], int], fds: Dict[str, int], config: Dict[str, Any]) -> None:
    status = 70
    try:
        if config["namespaces"]:
            _warden(main, fds, config)
        else:
            process = os.fork()
            if process == 0:
                _become(main, fds, config)
            os.write(fds["_status"], struct.pack("=i", process))
            for name, fd in fds.items():
                if name != "_status":
                    os.close(fd)
            _report(fds["_status"], process)
        status = 0
    except BaseException as error:
        os.write(2, ("runtime: %r\n" % (error,)).encode())
    finally:
        os._exit(status)


def _warden(main: Callable[[Dict[str, int]], int], fds: Dict[str, int], config: Dict[str, Any]) -> None:
    if _LIBC.unshare(_NEWPID_NEWNS) != 0:
        raise OSError(ctypes.get_errno(), "unshare")
    init = os.fork()
    if init == 0:
        _init(main, fds, config)
    os.write(fds["_status"], struct.pack("=i", init))
    for fd in fds.values():
        os.close(fd)
    os.waitpid(init, 0)


def _init(main: Callable[[Dict[str, int]], int], fds: Dict[str, int], config: Dict[str, Any]) -> None:
    try:
        _mount(None, b"/", None, _PRIVATE, None)
        _mount(b"proc", b"/proc", b"proc", _PLAIN | 8, None)
        size = b"mode=1777,size=%d" % config["tmp_bytes"]
        _mount(b"tmpfs", b"/tmp", b"tmpfs", _PLAIN, size)
        _mount(b"tmpfs", b"/dev/shm", b"tmpfs", _PLAIN, size)
        process = os.fork()
        if process == 0:
            _become(main, fds, config)
        for name, fd in fds.items():
            if name != "_status":
                os.close(fd)
        _report(fds["_status"], process)
        os._exit(0)
    except BaseException as error:
        os.write(2, ("runtime: %r\n" % (error,)).encode())
        os._exit(70)


def _mount(source: Optional[bytes], target: bytes, kind: Optional[bytes], flags: int, data: Optional[bytes]) -> None:
    if _LIBC.mount(source, target, kind, flags, data) != 0:
        raise OSError(ctypes.get_errno(), "mount " + target.decode())


def _report(fd: int, process: int) -> None:
    while True:
        pid, status = os.wait()
        if pid == process:
            code = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
            os.write(fd, struct.pack("=ii", code, 0))
            return


def _become(main: Callable[[Dict[str, int]], int], fds: Dict[str, int], config: Dict[str, Any]) -> None:
    status = 70
    try:
        os.setsid()
        os.close(fds["_status"])
        null = os.open("/dev/null", os.O_RDONLY)
        for source, target in ((null, 0), (fds["out"], 1), (fds["out"], 2)):
            os.dup2(source, target)
        rest = {name: fd for name, fd in fds.items() if name not in ("out", "_status")}
        _close_all_but({0, 1, 2, *rest.values()})
        os.chdir(config["root"])
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE):
            signal.signal(number, signal.SIG_DFL)
        _limit(config)
        _drop(config["namespaces"])
        status = main(rest)
    except BaseException as error:
        os.write(2, ("%s: %s\n" % (type(error).__name__, error)).encode("utf-8", "backslashreplace"))
    finally:
        os._exit(status & 0xFF)


def _close_all_but(keep: "set[int]") -> None:
    for name in os.listdir("/proc/self/fd"):
        fd = int(name)
        if fd not in keep:
            try:
                os.close(fd)
            except OSError:
                pass


def _limit(config: Dict[str, Any]) -> None:
    limits: Tuple[Tuple[int, int], ...] = (
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_AS, config["memory_bytes"]),
        (resource.RLIMIT_FSIZE, config["file_bytes"]),
        (resource.RLIMIT_NOFILE, config["open_files"]),
        (resource.RLIMIT_CPU, config["cpu_s"]),
    )
    if config["namespaces"]:
        limits += ((resource.RLIMIT_NPROC, config["processes"]),)
    for kind, value in limits:
        hard = resource.getrlimit(kind)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(kind, (value, value))


def _drop(isolated: bool) -> None:
    if isolated:
        for capability in range(64):
            _LIBC.prctl(24, capability, 0, 0, 0)
        header, empty = struct.pack("=Ii", 0x20080522, 0), struct.pack("=6I", 0, 0, 0, 0, 0, 0)
        if _LIBC.capset(ctypes.c_char_p(header), ctypes.c_char_p(empty)) != 0:
            raise OSError(ctypes.get_errno(), "capset")
    if _LIBC.prctl(38, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "no_new_privs")
    if isolated:
        seccomp.install(_LIBC)


def become_subreaper() -> None:
    """Orphans of this process's children become its own children. Raises OSError."""
    if _LIBC.prctl(36, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "subreaper")
