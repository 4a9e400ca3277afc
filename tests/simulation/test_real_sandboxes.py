"""Cancelled anywhere with a real sandbox: the log is sealed, and no process, descriptor or directory is left."""

from __future__ import annotations

import functools
import random
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import anyio
import pytest

from coding_agent.events.schema import Done, Event
from coding_agent.rollout.world import Stage
from coding_agent.store.manifest import read_manifest
from coding_agent.store.reader import read_events, verify
from coding_agent.store.rundir import RunDirectory
from tests.rollout.test_episode import children
from tests.rollout.worlds import FIX, SUBMIT, job, roll_out, script
from tests.simulation.schedules import descriptors

PLAYED = script(("run_tests", "{}"), FIX, ("run_command", '{"command": "(setsid sleep 7 &); sleep 0.05"}'), SUBMIT)
EVENTS = 16
"""Of that episode, from EpisodeStarted to Done."""
PROMISED_S = 2.0
AT_ONCE = 3
"""Rollouts at a time: they wait more than they work."""


async def cancelled(folder: Path, kind: str, *, at_event: int | None = None, after_s: float | None = None) -> str:
    """Play until then, cancel, and hold what is left against what must be; returns why the episode ended."""
    scope = anyio.CancelScope(deadline=anyio.current_time() + after_s if after_s is not None else float("inf"))
    seen, cancelled_at = 0, time.monotonic() + (after_s or 0.0)

    def observe(_episode: str, _stage: Stage, event: Event | None) -> None:
        nonlocal seen, cancelled_at
        seen += event is not None
        if seen == at_event and not scope.cancel_called:
            cancelled_at = time.monotonic()
            scope.cancel()

    with scope:
        await roll_out(folder, [job(PLAYED)], kind=kind, observer=observe)
    assert time.monotonic() - cancelled_at < 10 * PROMISED_S
    logs = RunDirectory(folder).logs()
    if not seen:
        assert logs == []
        return "not begun"
    (log,) = logs
    assert verify(log).condition == "sealed"
    (entry,) = read_manifest(folder / "manifest.jsonl")
    assert entry.head == verify(log).head
    last = read_events(log)[-1]
    assert isinstance(last, Done)
    return last.reason


@pytest.fixture
def home() -> Iterator[Path]:
    """A place for sandboxes' directories that a sandbox's own user can enter."""
    with tempfile.TemporaryDirectory(prefix="coding-agent-home-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.mark.parametrize("kind", ["local", "bubblewrap"])
async def test_a_real_episode_can_be_cancelled_anywhere(
    tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch, kind: str, anyio_backend: str
) -> None:
    assert await cancelled(tmp_path / "whole", kind) == "submitted"
    assert len(read_events(tmp_path / "whole" / "episodes" / "toy" / "0.0.jsonl")) == EVENTS
    # Only now: what the process keeps for all its sandboxes is made by the first.
    monkeypatch.setattr(tempfile, "tempdir", str(home))
    before, open_before = children(), descriptors()
    draws = random.Random(f"{kind} {anyio_backend}")
    # Every second event on the one loop, those between them on the other.
    numbers = range(1 if anyio_backend == "asyncio" else 2, EVENTS + 1, 2)
    events = [functools.partial(cancelled, at_event=number) for number in numbers]
    times = [functools.partial(cancelled, after_s=draws.uniform(0.0, 0.6)) for _ in range(2)]
    ends: list[str] = []
    line = anyio.CapacityLimiter(AT_ONCE)

    async def one(number: int, somewhere: Callable[[Path, str], Awaitable[str]]) -> None:
        async with line:
            ends.append(await somewhere(tmp_path / str(number), kind))

    async with anyio.create_task_group() as tasks:
        for number, somewhere in enumerate([*events, *times]):
            tasks.start_soon(one, number, somewhere)
    assert ends.count("submitted") <= 4
    assert set(ends) <= {"submitted", "cancelled", "not begun"}
    assert children() <= before
    assert descriptors() <= open_before
    assert not any(home.iterdir())  # noqa: ASYNC240
