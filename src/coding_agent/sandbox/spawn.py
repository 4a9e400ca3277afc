"""Starting runtimes, all from one thread that lives as long as the process.

`PR_SET_PDEATHSIG`, on which bubblewrap's `--die-with-parent` rests, follows the *thread* that spawned the child: from
a pool thread that ends, the sandbox would die with it.
"""

from __future__ import annotations

import functools
import os
import select
import socket
import subprocess
from collections.abc import AsyncIterator, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import anyio
import attrs
from anyio import to_thread

from coding_agent.errors import SandboxDied, SandboxUnavailable
from coding_agent.sandbox.channel import Channel

PATIENCE_S = 1.0
"""For a runtime to end by itself, once hung up."""


@functools.cache
def _spawner() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=1, thread_name_prefix="coding-agent-spawn")


# A forked child has the pool but not its thread, and would wait for it for ever.
os.register_at_fork(after_in_child=_spawner.cache_clear)


@attrs.frozen(kw_only=True)
class Ending:
    """How a runtime that was hung up is waited for, and what is done, before it is killed, when that was in vain."""

    patience_s: float = PATIENCE_S
    force: Callable[[], None] = lambda: None


class Runtime:
    """One runtime process and the socket to it."""

    def __init__(self, process: subprocess.Popen[bytes], sock: socket.socket, errors: int, ending: Ending) -> None:
        self.process, self.sock, self._errors, self._ending = process, sock, errors, ending

    def last_words(self) -> str:
        """The end of what it wrote to stderr, once it has ended. Blocks."""
        self._ends_within(self._ending.patience_s)
        size = os.fstat(self._errors).st_size
        return os.pread(self._errors, 2000, max(0, size - 2000)).decode("utf-8", "backslashreplace").strip()

    def close(self) -> None:
        """Hang up, which ends the runtime and all below it; kill what has not ended by then; reap."""
        self.sock.close()
        try:
            if not self._ends_within(self._ending.patience_s):
                self._ending.force()
        finally:
            # Does nothing to a process that has ended.
            self.process.kill()
            self.process.wait()
            os.close(self._errors)

    def _ends_within(self, seconds: float) -> bool:
        handle = os.pidfd_open(self.process.pid)
        try:
            ended = select.poll()  # `select` knows no descriptor above 1023
            ended.register(handle, select.POLLIN)
            return bool(ended.poll(seconds * 1000))
        finally:
            os.close(handle)


def start(command: Callable[[int], Sequence[str]], environment: dict[str, str], ending: Ending) -> Runtime:
    """Start `command(fd)` with one end of a socket as that descriptor. Blocks; raises OSError."""
    ours, theirs = socket.socketpair()
    errors = os.memfd_create("coding-agent-stderr")
    try:
        fd = theirs.fileno()
        process = _spawner().submit(_popen, command(fd), environment, fd, errors).result()
    except OSError:
        ours.close()
        os.close(errors)
        raise
    finally:
        theirs.close()
    return Runtime(process, ours, errors, ending)


def _popen(argv: Sequence[str], environment: dict[str, str], fd: int, errors: int) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [*argv], env=environment, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors, pass_fds=(fd,), cwd="/",
        start_new_session=True,
    )  # fmt: skip


@asynccontextmanager
async def running(
    command: Callable[[int], Sequence[str]],
    environment: dict[str, str],
    *,
    kind: str,
    remedy: str,
    ending: Ending = Ending(),
) -> AsyncIterator[Channel]:
    """A runtime that answers; killed and reaped on the way out. Raises SandboxUnavailable when it does not start."""
    with anyio.CancelScope(shield=True):
        try:
            runtime = await to_thread.run_sync(start, command, environment, ending)
        except OSError as error:
            raise SandboxUnavailable(kind, f"the runtime could not be started: {error}", remedy) from error
    try:
        channel = Channel(runtime.sock)
        try:
            await channel.hello()
        except SandboxDied as error:
            reason = await to_thread.run_sync(runtime.last_words) or str(error)
            raise SandboxUnavailable(kind, f"the runtime did not start: {reason}", remedy) from error
        yield channel
    finally:
        with anyio.CancelScope(shield=True):
            await to_thread.run_sync(runtime.close)
