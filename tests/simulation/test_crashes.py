"""Rollouts on a disk that breaks. What a crash leaves is tried in `tests/campaigns`."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from coding_agent.errors import StoreError
from coding_agent.events.schema import Event
from coding_agent.rollout.scheduler import UNFINISHED
from coding_agent.rollout.world import Stage
from coding_agent.sandbox.simulated import SimulatedBackend
from coding_agent.store.reader import verify
from coding_agent.store.rundir import RunDirectory
from coding_agent.store.simulated import SimulatedDisk
from tests.simulation.crashes import RUN, todo
from tests.simulation.worlds import Places, roll_out


@pytest.mark.parametrize(("number", "lasts"), [(errno.EIO, False), (errno.ENOSPC, True)], ids=["once", "for good"])
def test_a_disk_that_fails_is_told_of_and_leaves_nothing_open(number: int, lasts: bool) -> None:
    costs: list[int | None] = []
    for call in range(1, 200, 7):
        left, lost, acknowledged = broken_at(call, number, lasts=lasts)
        costs += [None] if lost is None else [len(lost)] if lost else []
        for path, events in acknowledged.items():
            assert verify(path, disk=left).events >= events
    assert len(costs) > 20
    if not lasts:
        # One failure costs one episode, or, in the manifest, the run.
        assert set(costs) == {1, None}
        assert costs.count(1) > 15


def broken_at(call: int, number: int, *, lasts: bool) -> tuple[SimulatedDisk, list[str] | None, dict[Path, int]]:
    """(the disk, what its episodes say who lack their end, events acknowledged by log) when this call fails, or every
    one from it on. None: the whole run was ended by it."""
    acknowledged: dict[Path, int] = {}
    disk, backend = SimulatedDisk(), SimulatedBackend()
    run = RunDirectory.create(RUN, {}, disk=disk)
    first = disk.calls

    def fail(name: str) -> None:
        if disk.calls - first == call or (lasts and disk.calls - first > call):
            raise OSError(number, name)

    def observe(episode: str, _stage: Stage, event: Event | None) -> None:
        if event is not None:
            task, sample, attempt = episode.rsplit(".", 2)
            path = run.log_path(task, int(sample), int(attempt))
            acknowledged[path] = acknowledged.get(path, 0) + 1

    disk.on_call = fail
    lost: list[str] | None = None
    try:
        ran = roll_out(run, todo(0), backend, places=Places(episodes=3), durability="event", observer=observe)
        lost = [outcome.detail for outcome in ran.outcomes if outcome.reason == UNFINISHED]
    except StoreError as error:
        assert "manifest" in error.file  # noqa: PT017  it is not always raised
    assert (disk.descriptors, backend.live) == (0, 0)
    return disk, lost, acknowledged
