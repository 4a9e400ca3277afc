"""A disk that refuses: each call of a run, once with each fault, and what is on the disk afterwards."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import attrs

from coding_agent.errors import LogLocked, StoreError, UsageError, WriterPoisoned
from coding_agent.store.blobs import BlobStore
from coding_agent.store.manifest import Entry, read_manifest
from coding_agent.store.reader import read_records, verify
from coding_agent.store.recover import recover
from coding_agent.store.rundir import RunDirectory
from coding_agent.store.simulated import SimulatedDisk
from coding_agent.store.writer import Durability, LogWriter
from tests.campaigns import Cases, Size, campaign
from tests.campaigns.disks import FaultAt, Quiet, QuietlyFailing
from tests.samples import AT, START, toy_episode

RUN = Path("/runs/one")
OFTEN = 0.4
"""Of the writes, those that a group sync precedes."""
BLOB = b"\0\xff" * 300


@attrs.define
class Acknowledged:
    """What a run was told is done."""

    created: bool = False
    blobs: list[str] = attrs.field(factory=list)
    events: int = 0
    sealed: bool = False
    entries: int = 0


def play(disk: SimulatedDisk, told: Acknowledged, durability: Durability) -> None:
    """A whole small run: run.toml, a blob, a log, the manifest. Nothing is tried again."""
    run = RunDirectory.create(RUN, {"seed": 1}, disk=disk)
    told.created = True
    told.blobs.append(run.blobs.put(BLOB))
    path = run.log_path("toy", 0, 0)
    with LogWriter.create(path, durability=durability, disk=disk, clock=lambda: AT) as log:
        for event in toy_episode():
            try:
                log.append(event)
            except WriterPoisoned:
                _stays_dead(log)
                raise
            told.events = log.events
        told.sealed = True
        head, state = log.chain, log.state
    manifest = run.manifest()
    try:
        manifest.append(entry(str(path.relative_to(RUN)), told.events, head, state))
        told.entries += 1
    finally:
        manifest.close()


def entry(path: str, events: int, head: str, digest: str) -> Entry:
    return Entry(
        at="t", episode="toy.0.0", path=path, task="toy", sample=0, attempt=0, events=events, head=head,
        semantic_digest=digest, summary={"reason": "submitted", "turns": 2, "passed": True}, group="toy",
    )  # fmt: skip


def _stays_dead(log: LogWriter) -> None:
    disk = log._disk
    assert isinstance(disk, SimulatedDisk)
    before = disk.calls
    for event in toy_episode():
        try:
            log.append(event)
        except WriterPoisoned:
            continue
        raise AssertionError("a poisoned writer acknowledged an event")
    log.sync()
    if disk.calls != before:
        raise AssertionError("a poisoned writer went on")


def calls_of(durability: Durability, seed: int = 0) -> int:
    disk, told = SimulatedDisk(), Acknowledged()
    disk.on_call = GroupSyncs(disk, told, FaultAt(), seed)
    play(disk, told, durability)
    return disk.calls


@attrs.define
class GroupSyncs:
    """For `SimulatedDisk.on_call`: before some writes, as the seed wills, the group's syncer has its turn."""

    disk: SimulatedDisk
    told: Acknowledged
    fault: FaultAt
    seed: int
    sure: int = 0
    """Events that had been acknowledged when a group sync came through last: power loss may not take them."""
    draws: random.Random = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.draws = random.Random(f"group {self.seed}")

    def __call__(self, name: str) -> int | None:
        if name == "write" and self.draws.random() < OFTEN:
            acknowledged = self.told.events
            self.disk.sync_group()
            self.sure = acknowledged
        return self.fault(name)


def lost(disk: SimulatedDisk, told: Acknowledged, *, must_hold: int) -> str | None:
    """What was acknowledged and is not there; what is there and was never written. `must_hold` events at least."""
    try:
        return _lost(disk, told, must_hold)
    except StoreError as error:
        return str(error)


def _lost(disk: SimulatedDisk, told: Acknowledged, must_hold: int) -> str | None:
    run = RunDirectory(RUN, disk)
    if told.created and not disk.exists(RUN / "run.toml"):
        return "run.toml is gone"
    for name in told.blobs:
        if BlobStore(RUN / "blobs", disk).get(name) != BLOB:
            return "a blob is not what it was"
    path = run.log_path("toy", 0, 0)
    there = _recovered(path, disk) if disk.exists(path) else []
    if len(there) < must_hold:
        return f"{len(there)} of {must_hold} acknowledged events"
    if there != toy_episode()[: len(there)]:
        return "events that were never written"
    manifest = RUN / "manifest.jsonl"
    if told.entries and len(list(read_manifest(manifest, disk=disk))) < told.entries:
        return "an entry of the manifest is gone"
    return None


def _recovered(path: Path, disk: SimulatedDisk) -> list[object]:
    report = verify(path, disk=disk)
    if report.condition == "torn":
        report = recover(path, disk=disk).report
    if report.condition == "torn" and report.events == 0:
        return []
    return [record.event for record in read_records(path, disk=disk)]


def _refused(act: Callable[[], None]) -> str | None:
    try:
        act()
    except (StoreError, UsageError):
        return None
    except AssertionError as error:
        return str(error)
    return "not reported"


@campaign("An I/O error at any call is reported, ends the writer for good, and loses nothing acknowledged before")
def refusals(size: Size, folder: Path) -> Cases:
    modes: tuple[Durability, ...] = ("event", "group", "none")
    for durability in modes:
        for number in range(calls_of(durability)):
            for fault in ("EIO", "ENOSPC"):
                yield _refusal(durability, FaultAt(number, fault))
            for short in (0, 1, 7, 100, 200) if size == "long" else (7,):
                yield _refusal(durability, FaultAt(number, "short", short=short))


def _refusal(durability: Durability, fault: FaultAt) -> str | None:
    disk, told = SimulatedDisk(), Acknowledged()
    disk.on_call = GroupSyncs(disk, told, fault, seed=0)
    problem = _refused(lambda: play(disk, told, durability))
    name = fault.calls[fault.number]
    if problem == "not reported" and fault.fault == "short" and told.entries:
        # Only a write can be short, and that of a file under a temporary name goes on where it stopped.
        problem = None
    disk.on_call = lambda _: None
    problem = problem or lost(disk, told, must_hold=told.events)
    return None if problem is None else f"{durability}: {fault.fault} at call {fault.number} ({name}): {problem}"


QUIET: tuple[Quiet, ...] = ("open", "lock", "size", "close", "read", "stream")
OPEN_LOG, MANIFEST = RUN / "open.jsonl", RUN / "manifest.jsonl"
OPERATIONS: dict[str, Callable[[QuietlyFailing], object]] = {
    "create": lambda disk: LogWriter.create(RUN / "new.jsonl", disk=disk).close(),
    "reopen": lambda disk: LogWriter.reopen(OPEN_LOG, disk=disk).close(),
    "verify": lambda disk: verify(OPEN_LOG, disk=disk),
    "recover": lambda disk: recover(OPEN_LOG, disk=disk),
    "manifest": lambda disk: RunDirectory(RUN, disk).manifest().close(),
    "manifest, read": lambda disk: list(read_manifest(MANIFEST, disk=disk)),
    "blob": lambda disk: BlobStore(RUN / "blobs", disk).put(BLOB),
}


@campaign("An I/O error at open, lock, size, read or close is named, loses nothing, and leaves nothing open or locked")
def quiet_refusals(size: Size, folder: Path) -> Cases:
    for call in QUIET:
        for name, operate in OPERATIONS.items():
            for tail in (b"", b"{torn"):
                problem = _quiet_refusal(call, operate, tail)
                yield None if problem is None else f"{name}, {call}, tail {tail!r}: {problem}"


def _quiet_refusal(call: Quiet, operate: Callable[[QuietlyFailing], object], tail: bytes) -> str | None:
    disk = QuietlyFailing()
    play(disk, Acknowledged(), "event")
    with LogWriter.create(OPEN_LOG, durability="event", disk=disk) as log:
        log.append(START)
    fd = disk.open(OPEN_LOG)
    disk.write(fd, tail)
    disk.close(fd)
    before, disk.refused = disk.killed(), call
    try:
        operate(disk)
    except StoreError as error:
        if isinstance(error, LogLocked):
            return "taken for a lock of somebody else"
    except OSError as error:
        return f"not named: {error}"
    disk.refused = None
    if disk.descriptors:
        return f"{disk.descriptors} descriptors are open"
    whole = {**before, str(OPEN_LOG): before[str(OPEN_LOG)].removesuffix(tail)}
    changed = [name for name, content in whole.items() if not disk.killed().get(name, b"").startswith(content)]
    return f"changed: {changed}" if changed else None
