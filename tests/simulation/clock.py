"""trio made deterministic: one seed decides the order of tasks and how long each thread takes; time is virtual.

The only internals touched are trio's own. A worker thread becomes a task of the run that waits for a seeded time and
then calls the function in place, so that a schedule with threads can be repeated too.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import outcome
import trio
import trio._core._run
import trio._threads
from trio.testing import MockClock

T = TypeVar("T")
run_loop: Any = trio._core._run
threads: Any = trio._threads
THREAD_S = 0.02
"""A thread takes up to this."""


def simulate(seed: int, main: Callable[[], Awaitable[T]], *instruments: trio.abc.Instrument) -> T:
    """What `main` returns, run on the schedule of this seed, in no time."""
    with _deterministic(seed):
        return trio.run(main, clock=MockClock(autojump_threshold=0), instruments=list(instruments))


@contextmanager
def _deterministic(seed: int) -> Iterator[None]:
    draws = random.Random(seed)
    before = run_loop._r.getstate(), run_loop._ALLOW_DETERMINISTIC_SCHEDULING, threads.start_thread_soon

    def start(function: Callable[[], Any], deliver: Callable[[outcome.Outcome[Any]], None], *_: object) -> None:
        pause_s = draws.uniform(0, THREAD_S)

        async def thread() -> None:
            await trio.sleep(pause_s)
            deliver(outcome.capture(function))

        trio.lowlevel.spawn_system_task(thread)

    run_loop._r.seed(seed)
    run_loop._ALLOW_DETERMINISTIC_SCHEDULING = True
    threads.start_thread_soon = start
    try:
        yield
    finally:
        state, run_loop._ALLOW_DETERMINISTIC_SCHEDULING, threads.start_thread_soon = before
        run_loop._r.setstate(state)


class CancelAt(trio.abc.Instrument):
    """Cancels `scope` when the run takes its `step`th step, counted from when there is a scope; 0 never does."""

    def __init__(self, step: int) -> None:
        self.step, self.steps = step, 0
        self.scope: trio.CancelScope | None = None
        self.cancelled_at: float | None = None

    def before_task_step(self, _: trio.lowlevel.Task) -> None:
        if self.scope is not None:
            self.steps += 1
            if self.steps == self.step:
                self.cancelled_at = trio.current_time()
                self.scope.cancel()
