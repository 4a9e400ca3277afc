"""Rollouts on a disk that breaks. What a crash leaves is tried in `tests/campaigns`."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest

from coding_agent.errors import StoreError
from coding_agent.events.schema import Event
from coding_agent.rollout.world import Stage
from coding_agent.sandbox.simulated import SimulatedBackend
from coding_agent.store.reader import verify
from coding_agent.store.rundir import RunDirectory
from coding_agent.store.simulated import SimulatedDisk
from tests.simulation.crashes import RUN, todo
from tests.simulation.worlds import Places, roll_out


@pytest.mark.parametrize(("number", "lasts"), [(errno.EIO, False), (errno.ENOSPC, True)], ids=["once", "for good"])
def test_a_disk_that_fails_ends_the_run_loudly_and_leaves_nothing_open(number: int, lasts: bool) -> None:
    broken = 0
    for call in range(1, 200, 7):
        left, failure, acknowledged = broken_at(call, number, lasts=lasts)
        broken += failure is not None
        for path, events in acknowledged.items():
            assert verify(path, disk=left).events >= events
    assert broken > 20


def broken_at(call: int, number: int, *, lasts: bool) -> tuple[SimulatedDisk, BaseException | None, dict[Path, int]]:
    """(the disk, what the run raised, events acknowledged by log) when this call fails, or every one from it on."""
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
    failure: BaseException | None = None
    try:
        roll_out(run, todo(0), backend, places=Places(episodes=3), durability="event", observer=observe)
    except BaseExceptionGroup as group:
        failure, rest = group.split(StoreError)
        assert rest is None
    except StoreError as error:
        failure = error
    assert (disk.descriptors, backend.live) == (0, 0)
    return disk, failure, acknowledged
