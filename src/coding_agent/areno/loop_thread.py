"""An event loop in a thread of its own, entered through a portal from any thread.

`anyio.from_thread.start_blocking_portal` is a generator: in a forked child, which has its objects but not its thread,
the end of the interpreter would finalise it, and so wait for ever for a loop that is not there.
"""

from __future__ import annotations

import threading
from concurrent.futures import Future
from contextlib import suppress

import anyio
from anyio.from_thread import BlockingPortal


class LoopThread:
    """Close it, or it ends with the process. Nothing happens when it is only dropped."""

    def __init__(self, name: str) -> None:
        ready: Future[BlockingPortal] = Future()
        self._thread = threading.Thread(target=anyio.run, args=(_serve, ready), name=name, daemon=True)
        self._thread.start()
        self.portal = ready.result()

    def close(self) -> None:
        """Wait until what was started has ended."""
        with suppress(RuntimeError):  # it was closed before
            self.portal.call(self.portal.stop)
        self._thread.join()


async def _serve(ready: Future[BlockingPortal]) -> None:
    async with BlockingPortal() as portal:
        ready.set_result(portal)
        await portal.sleep_until_stopped()
