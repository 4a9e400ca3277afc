"""What the store asks of a disk, real or simulated, and what each does when it must refuse."""

from __future__ import annotations

from pathlib import Path

import pytest

from coding_agent.store.disk import REAL_DISK, Disk, make_directories, write_file
from coding_agent.store.simulated import SimulatedDisk


@pytest.fixture(params=["real", "simulated"])
def disk(request: pytest.FixtureRequest, tmp_path: Path) -> Disk:
    if request.param == "real":
        return REAL_DISK
    simulated = SimulatedDisk()
    make_directories(simulated, tmp_path)
    return simulated


def contents(disk: Disk, folder: Path) -> dict[str, bytes]:
    if isinstance(disk, SimulatedDisk):
        return {Path(name).name: data for name, data in disk.killed().items()}
    return {each.name: each.read_bytes() for each in folder.iterdir()}


def test_a_file_is_created_once_and_appended_to(disk: Disk, tmp_path: Path) -> None:
    fd = disk.create(tmp_path / "a")
    assert [disk.write(fd, b"one"), disk.write(fd, b"two"), disk.size(fd)] == [3, 3, 6]
    with pytest.raises(FileExistsError):
        disk.create(tmp_path / "a")
    disk.close(fd)
    with disk.read(tmp_path / "a") as stream:
        assert stream.read() == b"onetwo"


def test_a_file_that_is_opened_again_is_appended_to_and_can_be_cut(disk: Disk, tmp_path: Path) -> None:
    disk.close(disk.create(tmp_path / "a"))
    fd = disk.open(tmp_path / "a")
    disk.write(fd, b"onetwo")
    disk.truncate(fd, 3)
    disk.write(fd, b"!")
    disk.sync(fd)
    disk.close(fd)
    assert contents(disk, tmp_path) == {"a": b"one!"}


def test_a_lock_is_held_until_the_file_is_closed(disk: Disk, tmp_path: Path) -> None:
    first = disk.create(tmp_path / "a")
    second = disk.open(tmp_path / "a")
    assert disk.lock(first)
    assert not disk.lock(second)
    disk.close(first)
    assert disk.lock(second)
    disk.close(second)


def test_what_is_not_there_is_not_found(disk: Disk, tmp_path: Path) -> None:
    missing = tmp_path / "no" / "such"
    assert not disk.exists(missing)
    for call in (disk.create, disk.open, disk.read, disk.remove, disk.make_directory, disk.sync_directory):
        with pytest.raises(FileNotFoundError):
            call(missing)
    with pytest.raises(FileNotFoundError):
        disk.rename(missing, tmp_path / "a")
    with pytest.raises(OSError, match="Bad file descriptor"):
        disk.write(1 << 20, b"")


def test_parents_are_made_as_deep_as_needed(disk: Disk, tmp_path: Path) -> None:
    make_directories(disk, tmp_path / "a" / "b" / "c")
    make_directories(disk, tmp_path / "a" / "b" / "c")
    assert disk.exists(tmp_path / "a" / "b" / "c")
    with pytest.raises(FileExistsError):
        disk.make_directory(tmp_path / "a")


def test_a_file_that_is_replaced_leaves_nothing_beside_it(disk: Disk, tmp_path: Path) -> None:
    write_file(disk, tmp_path / "a", b"old")
    write_file(disk, tmp_path / "a", b"new")
    assert contents(disk, tmp_path) == {"a": b"new"}
    disk.remove(tmp_path / "a")
    assert contents(disk, tmp_path) == {}
