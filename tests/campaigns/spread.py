"""Cases that do not need each other, as many at a time as there are processors."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from typing import TypeVar

from tests.campaigns import Size

Input = TypeVar("Input")
Output = TypeVar("Output")


def spread(
    case: Callable[[Input], Output], inputs: Iterable[Input], size: Size, *, at_once: int = 1
) -> Iterator[Output]:
    """What `case` says of each input, in order; short: in this process. A process takes `at_once` inputs at a time."""
    if size == "short":
        yield from map(case, inputs)
        return
    # Not forked: what is tried looks at its own descriptors and threads.
    pool = ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn"), initializer=_leave_interrupts_to_parent)
    yield from _through(pool, case, inputs, at_once)


def beside(case: Callable[[Input], Output], inputs: Iterable[Input]) -> Iterator[Output]:
    """As `spread`, for cases that start processes of their own and only wait."""
    yield from _through(ThreadPoolExecutor(os.cpu_count()), case, inputs, 1)


def _through(
    pool: Executor, case: Callable[[Input], Output], inputs: Iterable[Input], at_once: int
) -> Iterator[Output]:
    try:
        yield from pool.map(case, inputs, chunksize=at_once)
    finally:
        pool.shutdown(cancel_futures=True)


def _leave_interrupts_to_parent() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
