"""A real episode that is cancelled somewhere: what must be there then, and what must not."""

from __future__ import annotations

import functools
import random
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio

from coding_agent.events.schema import Done, Event
from coding_agent.rollout.world import Stage
from coding_agent.store.manifest import read_manifest
from coding_agent.store.reader import read_events, verify
from coding_agent.store.rundir import RunDirectory
from tests.rollout.below import children
from tests.rollout.worlds import FIX, SUBMIT, job, roll_out, script
from tests.simulation.schedules import descriptors

PLAYED = script(("run_tests", "{}"), FIX, ("run_command", '{"command": "(setsid sleep 7 &); sleep 0.05"}'), SUBMIT)
EVENTS = 16
"""Of that episode, from EpisodeStarted to Done."""
PROMISED_S = 2.0
LATE_S = 10 * PROMISED_S
"""On a machine that others use too."""
AT_ONCE = 3
"""Rollouts at a time: they wait more than they work."""


async def anywhere(folder: Path, kind: str, *, moments: int) -> list[tuple[str, str | None]]:
    """Cancelled at each event and at some moments: (where, what was wrong), and at last what all of them left."""
    draws = random.Random(f"{kind} {folder.name}")
    await _cancelled(folder / "whole", kind)
    found: list[tuple[str, str | None]] = []
    line = anyio.CapacityLimiter(AT_ONCE)
    # Only now: what the process keeps for all its sandboxes is made by the first.
    before, open_before = children(), descriptors()
    with _home() as home:

        async def one(where: str, *, at_event: int | None = None, after_s: float | None = None) -> None:
            async with line:
                place = folder / where.replace(" ", "-")
                found.append((where, await _cancelled(place, kind, at_event=at_event, after_s=after_s)))

        async with anyio.create_task_group() as tasks:
            for number in range(1, EVENTS + 1):
                tasks.start_soon(functools.partial(one, f"event {number}", at_event=number))
            for number in range(moments):
                after_s = draws.uniform(0.0, 0.6)
                tasks.start_soon(functools.partial(one, f"moment {number}", after_s=after_s))
        left = {
            "processes": children() - before, "descriptors": descriptors() - open_before,
            "directories": {path.name for path in home.iterdir()},
        }  # fmt: skip
    named = "; ".join(f"{what}: {sorted(which)}" for what, which in left.items() if which)
    return [*found, ("all", named or None)]


async def _cancelled(
    folder: Path, kind: str, *, at_event: int | None = None, after_s: float | None = None
) -> str | None:
    """Play until then, cancel, and say what is not as it must be."""
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
    if time.monotonic() - cancelled_at > LATE_S and scope.cancel_called:
        return f"ended {time.monotonic() - cancelled_at:.1f} s after it was cancelled"
    logs = RunDirectory(folder).logs()
    if not seen:
        return f"{len(logs)} logs of an episode that had not begun" if logs else None
    conditions = [verify(log).condition for log in logs]
    if conditions != ["sealed"]:
        return f"logs are {conditions}"
    if [entry.head for entry in read_manifest(folder / "manifest.jsonl")] != [verify(logs[0]).head]:
        return "the manifest does not have it"
    events = read_events(logs[0])
    last = events[-1]
    ends = {"submitted"} if at_event is None and after_s is None else {"submitted", "cancelled"}
    if not isinstance(last, Done) or last.reason not in ends:
        return f"it ended with {last}"
    # The grade was there, or only the end of the file was missing: then it is the whole episode.
    if last.reason == "submitted" and len(events) != EVENTS:
        return f"{len(events)} events of an episode that was not cancelled"
    return None


@contextmanager
def _home() -> Iterator[Path]:
    """The only place for sandboxes' directories, one that a sandbox's own user can enter."""
    before = tempfile.tempdir
    with tempfile.TemporaryDirectory(prefix="coding-agent-home-") as name:
        Path(name).chmod(0o755)
        tempfile.tempdir = name
        try:
            yield Path(name)
        finally:
            tempfile.tempdir = before
