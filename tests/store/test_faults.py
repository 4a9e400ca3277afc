"""What the writer does when the disk refuses. `tests/campaigns` tries every call."""

from __future__ import annotations

import hashlib
import random
import threading
from pathlib import Path

import pytest

from coding_agent.errors import StoreError, WriterPoisoned
from coding_agent.events.schema import Done
from coding_agent.store.blobs import BlobStore
from coding_agent.store.disk import RealDisk
from coding_agent.store.reader import read_records, verify
from coding_agent.store.recover import recover
from coding_agent.store.simulated import SimulatedDisk
from coding_agent.store.writer import LogWriter
from tests.campaigns.disks import LOG, FaultAt, disk_of, holding
from tests.samples import START, toy_episode, turn


def failing(name: str) -> SimulatedDisk:
    """A disk whose every call of this name fails."""

    def refuse(called: str) -> None:
        if called == name:
            raise OSError(5, "Input/output error")

    return SimulatedDisk(refuse)


def test_done_is_not_written_after_a_sync_that_failed() -> None:
    disk = SimulatedDisk()
    with LogWriter.create(LOG, durability="group", disk=disk) as log:
        for event in toy_episode()[:-1]:
            log.append(event)
        disk.on_call = failing("sync").on_call
        with pytest.raises(WriterPoisoned, match="Input/output error"):
            log.append(toy_episode()[-1])
    assert not any(isinstance(record.event, Done) for record in read_records(LOG, disk=disk))


def test_a_short_write_is_not_acknowledged_and_recovered_as_torn() -> None:
    disk = SimulatedDisk()
    log = LogWriter.create(LOG, durability="event", disk=disk)
    log.append(START)
    disk.on_call = lambda name: 9 if name == "write" else None
    with pytest.raises(WriterPoisoned, match="short write: 9 of"):
        log.append(turn(1))
    log.close()
    disk.on_call = lambda _: None
    done = recover(LOG, disk=disk)
    assert (log.events, done.report.events, done.cut_bytes) == (1, 1, 9)


def test_a_failed_sync_is_not_tried_again() -> None:
    disk = failing("sync")
    log = LogWriter.create(LOG, durability="event", disk=disk)
    with pytest.raises(WriterPoisoned):
        log.append(START)
    calls = disk.calls
    log.sync()
    log.close()
    assert disk.calls == calls


def test_an_event_whose_sync_failed_is_not_counted() -> None:
    disk = SimulatedDisk()
    log = LogWriter.create(LOG, durability="event", disk=disk)
    log.append(START)
    kept = (log.events, log.chain, log.state)
    disk.on_call = failing("sync").on_call
    with pytest.raises(WriterPoisoned):
        log.append(turn(1))
    assert (log.events, log.chain, log.state) == kept


def test_closing_an_unsealed_log_makes_it_durable() -> None:
    disk = SimulatedDisk()
    with LogWriter.create(LOG, durability="group", disk=disk) as log:
        log.append(START)
        disk.on_call = (fault := FaultAt())
    assert fault.calls[:1] == ["sync"]


def test_a_log_that_can_not_be_created_is_named() -> None:
    with pytest.raises(StoreError, match=r"/a/b.jsonl: can not be created: Input/output error"):
        LogWriter.create(Path("/a/b.jsonl"), disk=failing("make_directory"))


def test_a_blob_is_written_whole_although_each_write_is_short() -> None:
    disk = SimulatedDisk(lambda name: 3 if name == "write" else None)
    store = BlobStore(Path("/blobs"), disk)
    assert store.get(store.put(b"0123456789")) == b"0123456789"


def test_a_blob_that_failed_leaves_nothing_behind() -> None:
    disk = failing("sync")
    with pytest.raises(StoreError, match="can not be written: Input/output error"):
        BlobStore(Path("/blobs"), disk).put(b"x")
    assert disk.killed() == {}


def test_a_damaged_blob_is_put_right_when_it_is_stored_again() -> None:
    disk = SimulatedDisk()
    store = BlobStore(Path("/blobs"), disk)
    name = store.put(b"content")
    damaged = BlobStore(Path("/blobs"), disk_of({f"/blobs/{name}": b"c0ntent"}))
    damaged.put(b"content")
    assert damaged.get(name) == b"content"


@pytest.mark.parametrize("refused", ["create", "write", "sync", "truncate", "sync_directory"])
def test_a_recovery_that_fails_loses_nothing_and_says_so(refused: str) -> None:
    whole = holding(b"")
    with LogWriter.reopen(LOG, disk=whole) as log:
        log.append(START)
    disk = holding(whole.killed()[str(LOG)] + b"{torn")
    disk.on_call = failing(refused).on_call
    with pytest.raises(StoreError, match="can not be recovered"):
        recover(LOG, disk=disk)
    disk.on_call = lambda _: None
    assert verify(LOG, disk=disk).events == 1
    assert any(content.endswith(b"{torn") for content in disk.killed().values())


def test_what_was_appended_under_group_commit_becomes_durable_unasked(tmp_path: Path) -> None:
    synced = threading.Event()

    class Watched(RealDisk):
        def sync(self, fd: int) -> None:
            super().sync(fd)
            synced.set()

    with LogWriter.create(tmp_path / "a.jsonl", durability="group", disk=Watched()) as log:
        log.append(START)
        assert synced.wait(timeout=60)


def test_a_group_commit_that_fails_ends_the_writer_at_its_next_event() -> None:
    disk = SimulatedDisk()
    log = LogWriter.create(LOG, durability="group", disk=disk)
    log.append(START)
    disk.on_call = failing("sync").on_call
    disk.sync_group()
    with pytest.raises(WriterPoisoned, match="Input/output error"):
        log.append(turn(1))
    log.close()
    assert [record.seq for record in read_records(LOG, disk=disk)] == [0]


@pytest.mark.parametrize("when", ["before it is closed", "as it is closed"])
def test_closing_a_log_whose_last_events_are_not_durable_says_so(when: str) -> None:
    disk = SimulatedDisk()
    log = LogWriter.create(LOG, disk=disk)
    log.append(START)
    disk.on_call = failing("sync").on_call
    if when == "before it is closed":
        disk.sync_group()
    with pytest.raises(WriterPoisoned, match="Input/output error"):
        log.__exit__(None)
    assert LogWriter.reopen(LOG, disk=disk_of(disk.killed())).events == 1


def test_closing_a_log_does_not_hide_why_it_is_closed() -> None:
    disk = SimulatedDisk()

    def end_early() -> None:
        with LogWriter.create(LOG, disk=disk) as log:
            log.append(START)
            disk.on_call = failing("sync").on_call
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        end_early()


def test_a_group_commit_makes_the_name_of_a_new_log_durable_too() -> None:
    disk = SimulatedDisk()
    disk.make_directory(LOG.parent / "run")
    disk.sync_directory(LOG.parent)
    path = LOG.parent / "run" / "toy" / "0.0.jsonl"
    log = LogWriter.create(path, durability="group", disk=disk)
    log.append(START)
    disk.sync_group()
    for seed in range(20):
        assert verify(path, disk=disk_of(disk.power_cut(random.Random(seed)))).events == 1
    log.close()


def test_the_name_of_a_folder_that_another_writer_made_a_moment_ago_is_durable_with_the_log() -> None:
    disk = SimulatedDisk()
    task = LOG.parent / "run" / "toy"
    disk.make_directory(task.parent)
    disk.sync_directory(LOG.parent)
    disk.make_directory(task)
    with LogWriter.create(task / "0.0.jsonl", durability="event", disk=disk) as log:
        log.append(START)
        for seed in range(20):
            assert verify(log.path, disk=disk_of(disk.power_cut(random.Random(seed)))).events == 1


def test_a_blob_that_another_writer_stored_a_moment_ago_is_durable_by_name() -> None:
    disk = SimulatedDisk()
    (store := BlobStore(LOG.parent / "blobs", disk)).put(b"first")
    target = store.directory / hashlib.sha256(b"second").hexdigest()
    fd = disk.create(target)
    disk.write(fd, b"second")
    disk.sync(fd)
    name = store.put(b"second")
    for seed in range(20):
        assert BlobStore(store.directory, disk_of(disk.power_cut(random.Random(seed)))).get(name) == b"second"
