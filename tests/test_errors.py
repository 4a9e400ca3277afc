from __future__ import annotations

import anyio
import pytest

from coding_agent.errors import StoreError, UsageError, ungrouped


async def fail_in_two_groups(error: Exception) -> None:
    async def fail() -> None:
        raise error

    async with anyio.create_task_group() as outer, anyio.create_task_group() as group:
        outer.start_soon(anyio.sleep_forever)
        group.start_soon(fail)


async def test_the_first_error_of_a_task_group_travels_alone() -> None:
    full = StoreError("a.jsonl", "no space left")
    with pytest.raises(StoreError, match=r"a\.jsonl: no space left"), ungrouped():
        await fail_in_two_groups(full)


async def test_a_bug_among_errors_keeps_the_whole_group() -> None:
    with pytest.raises(ExceptionGroup) as caught, ungrouped():
        raise ExceptionGroup("both", [UsageError("no such task"), ZeroDivisionError()])
    assert caught.group_contains(ZeroDivisionError)
