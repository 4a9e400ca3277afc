"""Counting what a call takes: seldom exactly, and never behind what it can have taken since."""

from __future__ import annotations

import math
import mmap
import os
import time

from hypothesis import given
from hypothesis import strategies as st

from coding_agent.sandbox.runtime.watch import _Counted, _faults

SIZES = st.dictionaries(st.tuples(st.integers(2, 9), st.integers(0, 3)), st.integers(0, 99), max_size=8)
"""By process and what it had taken: KiB."""


@given(SIZES, SIZES, st.integers(0, 500))
def test_whoever_took_something_is_counted_whole_and_all_others_as_they_were(
    then: dict[tuple[int, int], int], now: dict[tuple[int, int], int], total: int
) -> None:
    counted = _Counted(then, total, until=math.inf)
    assert counted.at_most(now) == total + sum(size for process, size in now.items() if process not in then)


def test_an_exact_figure_does_not_hold_for_ever() -> None:
    assert _Counted({(2, 0): 1}, 1, until=time.monotonic() - 1).at_most({(2, 0): 1}) == math.inf


def test_no_process_writes_to_a_page_that_it_shares_without_a_trace() -> None:
    held = mmap.mmap(-1, 64 * mmap.PAGESIZE, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    held.write(b"x" * len(held))
    pid = os.fork()
    if pid == 0:
        before = _faults(os.getpid())
        for place in range(0, len(held), mmap.PAGESIZE):
            held[place] = 0
        os._exit(before == _faults(os.getpid()))
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
