"""Large work in a thread: on the event loop every other episode would wait for it."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from anyio import to_thread

LARGE = 1 << 20
"""Bytes: what is more takes too long between two turns of the event loop."""
EACH = 1 << 10
"""What it takes to go through one more file, name or test, in bytes that it takes as long to go through."""
P = ParamSpec("P")
T = TypeVar("T")


async def aside(size: int, work: Callable[P, T], *args: P.args, **rest: P.kwargs) -> T:
    """What `work` returns; `size`: how much it is, in bytes that it takes as long to go through."""
    return await to_thread.run_sync(functools.partial(work, *args, **rest)) if size > LARGE else work(*args, **rest)
