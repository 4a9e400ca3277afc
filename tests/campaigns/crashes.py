"""Power loss: every state of unsynced pages and names that a disk may come back in."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import attrs

from coding_agent.errors import LogDamaged
from coding_agent.events.schema import Done, Event
from coding_agent.store.reader import read_records, verify
from coding_agent.store.recover import recover
from coding_agent.store.simulated import SECTOR, SimulatedDisk
from coding_agent.store.writer import Durability, LogWriter
from tests.campaigns import Cases, Size, campaign
from tests.campaigns.disks import LOG, FaultAt, PowerCut, crash_contents, disk_of, holding
from tests.campaigns.faults import Acknowledged, GroupSyncs, calls_of, lost, play
from tests.samples import AT, START, toy_episode, turn


@campaign("Power loss at any call of `--durability event`: everything acknowledged is there, nothing else")
def power(size: Size, folder: Path) -> Cases:
    for number in _cuts("event"):
        for seed in range(200 if size == "long" else 4):
            yield _power_loss("event", number, seed)


@campaign("Power loss under `--durability group`: everything that a group sync reached is there, all of it once sealed")
def grouped(size: Size, folder: Path) -> Cases:
    for seed in range(200 if size == "long" else 4):
        for number in _cuts("group", seed):
            yield _power_loss("group", number, seed)


@campaign("Power loss under `--durability none`: a beginning of what was written, all of it once it was sealed")
def unsynced(size: Size, folder: Path) -> Cases:
    for number in _cuts("none"):
        for seed in range(200 if size == "long" else 4):
            yield _power_loss("none", number, seed)


def _cuts(durability: Durability, seed: int = 0) -> range:
    """Before each call of a run, and when all of it was acknowledged."""
    return range(calls_of(durability, seed) + 1)


def _power_loss(durability: Durability, number: int, seed: int) -> str | None:
    fault, told, disk = FaultAt(number, "power"), Acknowledged(), SimulatedDisk()
    disk.on_call = syncs = GroupSyncs(disk, told, fault, seed)
    with suppress(PowerCut):
        play(disk, told, durability)
    after = disk_of(disk.power_cut(random.Random(f"{durability} {number} {seed}")))
    sure = told.events if durability == "event" or told.sealed else syncs.sure if durability == "group" else 0
    problem = lost(after, told, must_hold=sure)
    where = fault.calls[number] if number < len(fault.calls) else "the end"
    return None if problem is None else f"{durability}: call {number} ({where}), seed {seed}: {problem}"


@campaign("Any subset of unsynced sectors, new, zero or earlier, at any length: recovered to what was durable, or more")
def sectors(size: Size, folder: Path) -> Cases:
    for versions, durable in _unsynced_writes(size):
        for content in crash_contents(versions, ("new", "zero", "earlier")):
            yield _judged(content, versions[-1], durable)


@campaign("Unsynced sectors that hold another log's lines: recovered, or refused and left alone; never believed")
def stale_sectors(size: Size, folder: Path) -> Cases:
    """Not tried: a whole other log, from its first byte, in a file of which nothing was durable. No file system that
    orders data before sizes shows that, and nothing in such a file could tell.
    """
    other = _versions([attrs.evolve(START, episode="toy.1.0"), turn(1), turn(2)], 0)[-1]
    for versions, durable in _unsynced_writes(size):
        stale = other if durable else other[1:]
        for content in crash_contents(versions, ("new", "zero", "stale"), stale=stale):
            yield _judged(content, versions[-1], durable, may_refuse=True)


def _unsynced_writes(size: Size) -> Iterator[tuple[list[bytes], int]]:
    """(a log's versions since it was synced, durable events). Where lines and sectors end shifts against each other."""
    for shift in range(0, SECTOR, 7 if size == "long" else 300):
        events = [attrs.evolve(START, policy="x" * shift), *toy_episode()[1:]]
        for durable in range(len(events)):
            for unsynced_events in range(1, min(3, len(events) - durable) + 1):
                if unsynced_events > 1 and isinstance(events[durable + unsynced_events - 1], Done):
                    continue  # what stands before Done is synced before Done is written
                yield _versions(events[: durable + unsynced_events], durable), durable


def _versions(events: list[Event], durable: int) -> list[bytes]:
    """The bytes when the first `durable` of the events were synced, and after each further one."""
    disk = holding(b"")
    versions = [b""]
    with LogWriter.reopen(LOG, durability="none", disk=disk, clock=lambda: AT) as log:
        for number, event in enumerate(events, start=1):
            log.append(event)
            if number == durable:
                log.sync()
                versions.clear()
            if number >= durable:
                versions.append(disk.read(LOG).read())
    return versions


def _judged(content: bytes, written: bytes, durable: int, *, may_refuse: bool = False) -> str | None:
    disk = holding(content)
    report = verify(LOG, disk=disk)
    where = f"{durable} durable events, {len(content)} bytes"
    if may_refuse and report.condition == "damaged":
        kept = report.events
        with suppress(LogDamaged):
            recover(LOG, disk=disk)
        if disk.read(LOG).read() != content:
            return f"{where}: damaged, and was changed"
        content = content[: report.byte]
    elif report.condition not in {"torn", "incomplete", "sealed"}:
        return f"{where}: {report.condition}: {report.problem}"
    else:
        kept = recover(LOG, disk=disk).report.events
        content = disk.read(LOG).read()
        if kept and sum(1 for _ in read_records(LOG, disk=disk)) != kept:
            return f"{where}: read and verify disagree"
    if kept < durable:
        return f"{where}: only {kept} kept"
    return f"{where}: bytes that were never written" if kept and not written.startswith(content) else None
