"""Running something for a while: a process of its own, in namespaces of its own, that leaves nothing behind.

runtime ─fork─▶ warden (new pid, mount and IPC namespaces) ─fork─▶ init (pid 1 there; own /proc, /tmp, /dev/shm)
        ─fork─▶ the process (limits, no capabilities, seccomp). When init ends, the kernel kills whatever is left.
Without namespaces there is no warden, and the runtime, a subreaper, kills what is left.

How it went is told by init over a pipe that the process itself never holds: `S` and the exit status, `K` and why init
killed it, or `E` and why nothing could be run at all, which is never the agent's fault.
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Callable
from typing import Any, Protocol

from . import confine, reap
from .watch import TICK_S, Watch

STATUS = "_status"
DRAIN = 64


class Sink(Protocol):
    def feed(self, data: bytes) -> None: ...


class Ended:
    """How the process ended. `status` None: killed for time."""

    def __init__(self, status: int | None, timed_out: bool) -> None:
        self.status, self.timed_out = status, timed_out


class Broken(Exception):
    """The process could not be confined, or its namespace was destroyed from outside."""


class HostGone(Exception):
    """The host has hung up: nobody waits for an answer."""


def run(
    main: Callable[[dict[str, int]], int],
    sinks: dict[str, Sink],
    config: dict[str, Any],
    timeout_s: float,
    beside: Callable[[], int] | None = None,
) -> Ended:
    """Run `main` in a process of its own; what it writes to the pipe named `out` is its stdout and stderr, the others
    it gets as descriptors. `beside` starts a companion while it still may; its descriptor is `main`'s, too, under that
    name. Raises Broken, HostGone."""
    pipes = {name: os.pipe() for name in (*sinks, STATUS)}
    deadline = time.monotonic() + timeout_s
    pid = os.fork()
    if pid == 0:
        _child(main, {name: ends[1] for name, ends in pipes.items()}, config, beside)
    for _, write_end in pipes.values():
        os.close(write_end)
    ends = {name: read_end for name, (read_end, _) in pipes.items()}
    told = b""
    try:
        try:
            told = _watch(ends, sinks, deadline, config["host"])
        finally:
            _end(told, pid, config)
        for name, sink in sinks.items():
            _finish(ends[name], sink)
    finally:
        for read_end in ends.values():
            os.close(read_end)
    if told.startswith(b"S"):
        return Ended(int(told[1:]), False)
    if told.startswith(b"K"):
        sinks["out"].feed(b"[killed: " + told[1:].strip() + b"]\n")
        return Ended(-signal.SIGKILL, False)
    if told or time.monotonic() < deadline:
        raise Broken(told[1:].decode("utf-8", "replace").strip() or "the namespace was destroyed from outside")
    return Ended(None, True)


def _watch(ends: dict[str, int], sinks: dict[str, Sink], deadline: float, host: int) -> bytes:
    poll = select.poll()
    names = {fd: name for name, fd in ends.items()}
    for fd in names:
        os.set_blocking(fd, False)
        poll.register(fd, select.POLLIN)
    poll.register(host, 0)
    told = b""
    while not told.endswith(b"\n"):
        left = deadline - time.monotonic()
        for fd, _ in poll.poll(left * 1000 + 1 if left > 0 else 0):
            if fd == host:
                raise HostGone
            data = _read(fd)
            if data == b"":
                if names[fd] == STATUS:
                    return told
                poll.unregister(fd)
            elif data and names[fd] == STATUS:
                told += data
            elif data:
                sinks[names[fd]].feed(data)
        if left <= 0:
            break
    return told


def _read(fd: int) -> bytes | None:
    try:
        return os.read(fd, 1 << 16)
    except BlockingIOError:
        return None


def _finish(fd: int, sink: Sink) -> None:
    # Bounded: whoever could still write is dead, so the pipe holds at most its capacity.
    for _ in range(DRAIN):
        data = _read(fd)
        if not data:
            return
        sink.feed(data)


def _end(told: bytes, pid: int, config: dict[str, Any]) -> None:
    if config["namespaces"] and told.startswith((b"S", b"K")):
        os.waitpid(pid, 0)
        reap.collect()
    else:
        if config["namespaces"]:
            reap.kill_namespace(pid)
        reap.kill_descendants()


def _child(
    main: Callable[[dict[str, int]], int], fds: dict[str, int], config: dict[str, Any], beside: Callable[[], int] | None
) -> None:
    try:
        reap.close_all_but(set(fds.values()))
        if config["namespaces"]:
            confine.separate()
            init = os.fork()
            if init != 0:
                # Not by way of /proc: the namespace's first process is mounting its own over it.
                for fd in fds.values():
                    os.close(fd)
                os.waitpid(init, 0)
                os._exit(0)
        _init(main, fds, config, beside)
    except BaseException as error:
        _complain(fds[STATUS], error)
    finally:
        os._exit(70)


def _init(
    main: Callable[[dict[str, int]], int], fds: dict[str, int], config: dict[str, Any], beside: Callable[[], int] | None
) -> None:
    confine.die_with_parent()
    confine.scratch(config)
    if config["namespaces"]:
        confine.protect(config.get("protect", []))
    # Its pipe says how the process ended: not even a process of the same user may open it.
    confine.let_look(False)
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGCHLD])
    process = os.fork()
    if process == 0:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGCHLD])
        _become(main, fds, config, beside)
    reap.close_all_but({fds[STATUS]})
    told = _supervise(process, Watch(config) if config["namespaces"] else None)
    os.write(fds[STATUS], told)
    os._exit(0)


def _supervise(process: int, watch: Watch | None) -> bytes:
    """Reap children until `process` has ended or the call is over its budget; what to tell of it."""
    while True:
        pid, status = os.waitpid(-1, os.WNOHANG)
        if pid == process:
            return b"S%d\n" % (-os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status))
        if watch is not None and watch.is_due() and (reason := watch.look()):
            return b"K" + reason.encode() + b"\n"
        if pid == 0:
            signal.sigtimedwait([signal.SIGCHLD], TICK_S)


def _become(
    main: Callable[[dict[str, int]], int], fds: dict[str, int], config: dict[str, Any], beside: Callable[[], int] | None
) -> None:
    status = 70
    rest = {name: fd for name, fd in fds.items() if name not in ("out", STATUS)}
    try:
        os.setsid()
        null = os.open("/dev/null", os.O_RDONLY)
        for source, target in ((null, 0), (fds["out"], 1), (fds["out"], 2)):
            os.dup2(source, target)
        os.chdir(config["root"])
        os.umask(0o022)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        confine.let_look(True)
        confine.die_first()
        confine.limit(config)
        if beside is not None:
            rest["beside"] = beside()
        confine.drop(config["namespaces"])
        # From here on it is the agent's, and may not hold the pipe that says how it ended.
        reap.close_all_but(set(rest.values()))
    except BaseException as error:
        _complain(fds[STATUS], error)
        os._exit(status)
    try:
        status = main(rest)
    except BaseException as error:
        os.write(2, ("%s: %s\n" % (type(error).__name__, error)).encode("utf-8", "backslashreplace"))
    finally:
        os._exit(status & 0xFF)


def _complain(fd: int, error: BaseException) -> None:
    try:
        os.write(fd, b"E" + repr(error).encode("utf-8", "replace").replace(b"\n", b" ")[:500] + b"\n")
    except OSError:
        pass
