"""What the store asks of a disk, and what it does when the disk refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from coding_agent.store.disk import REAL_DISK, make_directories, write_file


def test_a_file_is_created_once_and_appended_to(tmp_path: Path) -> None:
    fd = REAL_DISK.create(tmp_path / "a")
    assert [REAL_DISK.write(fd, b"one"), REAL_DISK.write(fd, b"two"), REAL_DISK.size(fd)] == [3, 3, 6]
    with pytest.raises(FileExistsError):
        REAL_DISK.create(tmp_path / "a")
    REAL_DISK.close(fd)


def test_a_lock_is_held_until_the_file_is_closed(tmp_path: Path) -> None:
    first = REAL_DISK.create(tmp_path / "a")
    second = REAL_DISK.open(tmp_path / "a")
    assert REAL_DISK.lock(first)
    assert not REAL_DISK.lock(second)
    REAL_DISK.close(first)
    assert REAL_DISK.lock(second)
    REAL_DISK.close(second)


def test_parents_are_made_as_deep_as_needed(tmp_path: Path) -> None:
    make_directories(REAL_DISK, tmp_path / "a" / "b" / "c")
    make_directories(REAL_DISK, tmp_path / "a" / "b" / "c")
    assert (tmp_path / "a" / "b" / "c").is_dir()


def test_a_file_that_is_replaced_leaves_nothing_beside_it(tmp_path: Path) -> None:
    write_file(REAL_DISK, tmp_path / "a", b"old")
    write_file(REAL_DISK, tmp_path / "a", b"new")
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == {"a": b"new"}
