"""Ctrl-C, and threads that the host refuses, in the middle of an append."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from coding_agent.errors import WriterPoisoned
from coding_agent.store.blobs import BlobStore
from coding_agent.store.disk import RealDisk
from coding_agent.store.manifest import Manifest, read_manifest
from coding_agent.store.reader import verify
from coding_agent.store.recover import recover
from coding_agent.store.syncer import GroupSyncer, Syncable
from coding_agent.store.writer import Durability, LogWriter
from tests.campaigns.faults import entry
from tests.samples import START, toy_episode, turn, write_log

Call = Literal["before write", "write", "sync", "sync_soon"]


class Interrupted(RealDisk):
    """Ctrl-C comes when the system has done the call, and nobody has been told."""

    def __init__(self) -> None:
        self.at: Call | None = None

    def _interrupt(self, call: Call) -> None:
        if self.at == call:
            self.at = None
            raise KeyboardInterrupt

    def write(self, fd: int, data: bytes) -> int:
        self._interrupt("before write")
        written = super().write(fd, data)
        self._interrupt("write")
        return written

    def sync(self, fd: int) -> None:
        super().sync(fd)
        self._interrupt("sync")

    def sync_soon(self, log: Syncable) -> None:
        super().sync_soon(log)
        self._interrupt("sync_soon")


@pytest.mark.parametrize(
    ("call", "durability"),
    [("before write", "none"), ("write", "none"), ("write", "event"), ("sync", "event"), ("sync_soon", "group")],
)
def test_nothing_is_appended_after_an_append_that_was_interrupted(
    tmp_path: Path, call: Call, durability: Durability
) -> None:
    path, disk = tmp_path / "a.jsonl", Interrupted()
    with LogWriter.create(path, durability=durability, disk=disk) as log:
        log.append(START)
        kept, disk.at = (log.events, log.chain, log.state), call
        with pytest.raises(KeyboardInterrupt):
            log.append(turn(1))
        size = path.stat().st_size
        for _ in range(2):
            with pytest.raises(WriterPoisoned, match="an append was broken off; what was acknowledged before is"):
                log.append(turn(1))
        assert (log.events, log.chain, log.state, path.stat().st_size) == (*kept, size)
    written = 1 if call == "before write" else 2
    assert (verify(path).condition, verify(path).events) == ("incomplete", written)
    with LogWriter.reopen(path) as log:
        log.append(turn(written))


@pytest.mark.parametrize("call", ["write", "sync"])
def test_nothing_is_appended_to_a_manifest_after_an_append_that_was_interrupted(tmp_path: Path, call: Call) -> None:
    path, disk = tmp_path / "manifest.jsonl", Interrupted()
    manifest = Manifest(path, disk=disk)
    disk.at = call
    with pytest.raises(KeyboardInterrupt):
        manifest.append(entry("episodes/toy/0.0.jsonl", 1, "0", "0"))
    with pytest.raises(WriterPoisoned, match="an append was broken off"):
        manifest.append(entry("episodes/toy/1.0.jsonl", 1, "0", "0"))
    manifest.close()
    assert [each.path for each in read_manifest(path)] == ["episodes/toy/0.0.jsonl"]


def test_a_reopening_that_is_interrupted_leaves_the_log_to_others(tmp_path: Path) -> None:
    path, disk = tmp_path / "a.jsonl", Interrupted()
    with LogWriter.create(path) as log:
        log.append(START)
    disk.at = "sync"
    with pytest.raises(KeyboardInterrupt):
        LogWriter.reopen(path, disk=disk)
    with LogWriter.reopen(path) as log:
        assert log.events == 1


def test_a_recovery_that_is_interrupted_leaves_no_part_of_the_original(tmp_path: Path) -> None:
    path, disk = write_log(tmp_path / "a.jsonl", toy_episode()[:4]), Interrupted()
    with path.open("ab") as log:
        log.write(b"{torn")
    whole, disk.at = path.read_bytes(), "write"
    with pytest.raises(KeyboardInterrupt):
        recover(path, disk=disk)
    assert {each.name: each.read_bytes() for each in tmp_path.iterdir()} == {"a.jsonl": whole}
    assert recover(path, disk=disk).original == tmp_path / "a.jsonl.torn"


def test_a_blob_that_is_interrupted_leaves_no_part_of_it(tmp_path: Path) -> None:
    disk = Interrupted()
    disk.at = "write"
    with pytest.raises(KeyboardInterrupt):
        BlobStore(tmp_path, disk).put(b"content")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture
def no_threads() -> Iterator[None]:
    """No thread can be started: its stack does not fit into the address space."""
    before = threading.stack_size(1 << 50)
    yield
    threading.stack_size(before)


class SyncedBy(RealDisk):
    """With a syncer of its own, whose thread no other test has started."""

    def __init__(self) -> None:
        self.syncer = GroupSyncer()
        self.synced = threading.Event()
        self.by: str | None = None

    def sync_soon(self, log: Syncable) -> None:
        self.syncer.mark(log)

    def sync(self, fd: int) -> None:
        super().sync(fd)
        self.by = threading.current_thread().name
        self.synced.set()


@pytest.mark.usefixtures("no_threads")
def test_where_no_thread_can_be_started_each_event_is_durable_at_once(tmp_path: Path) -> None:
    disk = SyncedBy()
    with LogWriter.create(tmp_path / "a.jsonl", durability="group", disk=disk) as log:
        log.append(START)
        assert disk.by == threading.current_thread().name
        log.append(turn(1))
        assert log.events == 2


def test_group_commit_begins_when_a_thread_can_be_started_again(tmp_path: Path) -> None:
    disk = SyncedBy()
    with LogWriter.create(tmp_path / "a.jsonl", durability="group", disk=disk) as log:
        before = threading.stack_size(1 << 50)
        log.append(START)
        threading.stack_size(before)
        disk.synced.clear()
        log.append(turn(1))
        assert disk.synced.wait(timeout=60)
        assert disk.by == "coding-agent-syncer"
