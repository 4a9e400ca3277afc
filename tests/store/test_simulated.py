"""The disk in memory: what was synced survives everything, what was written survives a kill, and nothing else is sure."""

from __future__ import annotations

import errno
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coding_agent.store.simulated import SECTOR, SimulatedDisk

CHUNKS = st.lists(st.binary(min_size=1, max_size=3 * SECTOR), min_size=1, max_size=6)


A, B, C = Path("/d/a"), Path("/d/b"), Path("/e/c")


def filled(synced: list[bytes], unsynced: list[bytes]) -> SimulatedDisk:
    """A disk with `/d/a`: some of it synced, its directories too, and then more of it written."""
    disk = SimulatedDisk()
    disk.make_directory(A.parent)
    fd = disk.create(A)
    for chunk in synced:
        disk.write(fd, chunk)
    disk.sync(fd)
    for folder in A.parents:
        disk.sync_directory(folder)
    for chunk in unsynced:
        disk.write(fd, chunk)
    return disk


@given(CHUNKS, CHUNKS, st.integers())
def test_synced_bytes_survive_every_power_cut(synced: list[bytes], unsynced: list[bytes], seed: int) -> None:
    left = filled(synced, unsynced).power_cut(random.Random(seed))
    before, after = b"".join(synced), b"".join(synced + unsynced)
    assert left["/d/a"][: len(before)] == before
    assert len(before) <= len(left["/d/a"]) <= len(after)


@given(CHUNKS, CHUNKS)
def test_a_kill_loses_nothing_that_was_written(synced: list[bytes], unsynced: list[bytes]) -> None:
    assert filled(synced, unsynced).killed() == {"/d/a": b"".join(synced + unsynced)}


def test_every_mixture_of_sectors_may_be_left() -> None:
    old, new = b"o" * 100, b"n" * (2 * SECTOR)
    disk = filled([old], [new])
    left = {disk.power_cut(random.Random(seed))["/d/a"] for seed in range(300)}
    whole = old + new
    assert {old, whole} <= left
    first_lost = old + bytes(SECTOR - 100) + whole[SECTOR:]
    assert first_lost in left
    assert {len(content) for content in left} > {100, len(whole)}


def test_a_name_is_lost_unless_its_directory_is_synced() -> None:
    disk = filled([b"1"], [])
    disk.sync(disk.create(B))
    disk.make_directory(C.parent)
    disk.sync(disk.create(C))
    disk.sync_directory(C.parent)
    left = {tuple(sorted(disk.power_cut(random.Random(seed)))) for seed in range(100)}
    assert left == {("/d/a",), ("/d/a", "/d/b"), ("/d/a", "/e/c"), ("/d/a", "/d/b", "/e/c")}


def test_a_lock_is_held_until_its_descriptor_is_closed() -> None:
    disk = filled([b"1"], [])
    one, two = disk.open(A), disk.open(A)
    assert disk.lock(one)
    assert not disk.lock(two)
    disk.close(one)
    assert disk.lock(two)


def test_a_file_is_made_once_and_only_in_a_directory() -> None:
    with pytest.raises(FileExistsError):
        filled([b"1"], []).create(A)
    with pytest.raises(FileNotFoundError):
        SimulatedDisk().create(A)


def test_a_call_fails_or_writes_less_as_it_is_told() -> None:
    disk = filled([b"1"], [])
    fd = disk.open(A)
    disk.on_call = lambda name: 2 if name == "write" else None
    assert disk.write(fd, b"abc") == 2

    def full(name: str) -> None:
        raise OSError(errno.ENOSPC, name)

    disk.on_call = full
    with pytest.raises(OSError, match="write"):
        disk.write(fd, b"abc")
    assert disk.read(A).read() == b"1ab"
