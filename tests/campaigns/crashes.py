"""Power loss: every state of unsynced pages and names that a disk may come back in."""

from __future__ import annotations

import random
from contextlib import suppress
from pathlib import Path

import attrs

from coding_agent.events.schema import Done, Event
from coding_agent.store.reader import read_records, verify
from coding_agent.store.recover import recover
from coding_agent.store.simulated import SimulatedDisk
from coding_agent.store.writer import Durability, LogWriter
from tests.campaigns import Cases, Size, campaign
from tests.campaigns.disks import LOG, FaultAt, PowerCut, crash_contents, disk_of, holding
from tests.campaigns.faults import Acknowledged, GroupSyncs, calls_of, lost, play
from tests.samples import START, toy_episode, turn


@campaign("Power loss at any call of `--durability event`: everything acknowledged is there, nothing else")
def power(size: Size, folder: Path) -> Cases:
    for number in range(calls_of("event")):
        for seed in range(200 if size == "long" else 4):
            yield _power_loss("event", number, seed)


@campaign("Power loss under `--durability group`: everything that a group sync reached is there, all of it once sealed")
def grouped(size: Size, folder: Path) -> Cases:
    for seed in range(200 if size == "long" else 4):
        for number in range(calls_of("group", seed)):
            yield _power_loss("group", number, seed)


@campaign("Power loss under `--durability none`: a beginning of what was written, all of it once it was sealed")
def unsynced(size: Size, folder: Path) -> Cases:
    for number in range(calls_of("none")):
        for seed in range(200 if size == "long" else 4):
            yield _power_loss("none", number, seed)


def _power_loss(durability: Durability, number: int, seed: int) -> str | None:
    fault, told, disk = FaultAt(number, "power"), Acknowledged(), SimulatedDisk()
    disk.on_call = syncs = GroupSyncs(disk, told, fault, seed)
    with suppress(PowerCut):
        play(disk, told, durability)
    after = disk_of(disk.power_cut(random.Random(f"{durability} {number} {seed}")))
    sure = told.events if durability == "event" or told.sealed else syncs.sure if durability == "group" else 0
    problem = lost(after, told, must_hold=sure)
    return None if problem is None else f"{durability}: call {number} ({fault.calls[number]}), seed {seed}: {problem}"


@campaign("Any subset of unsynced pages, old, zero or stale, at any length: recovered to what was durable, or more")
def pages(size: Size, folder: Path) -> Cases:
    """`durable` events were synced, the next ones were not. The stale blocks are those of another episode's log.

    Not tried: a whole other log, from its first byte, in a file of which nothing was durable. No file system that
    orders data before sizes shows that, and nothing in such a file could tell.
    """
    events = toy_episode()
    other = _lines(holding(b""), [attrs.evolve(START, episode="toy.1.0"), turn(1), turn(2)], 0)[1]
    for durable in range(len(events)):
        for unsynced_events in range(1, min(3, len(events) - durable) + 1):
            if unsynced_events > 1 and isinstance(events[durable + unsynced_events - 1], Done):
                continue  # what stands before Done is synced before Done is written
            old, new = _lines(holding(b""), events[: durable + unsynced_events], durable)
            page = max(64, -(-(len(new) - len(old)) // (6 if size == "long" else 3)))
            for content in crash_contents(old, new, page=page, stale=other if durable else other[1:]):
                yield _judged(content, new, durable)


def _lines(disk: SimulatedDisk, events: list[Event], durable: int) -> tuple[bytes, bytes]:
    """What is durable and what is visible after `events`, of which `durable` were synced."""
    disk.remove(LOG)
    old = b""
    with LogWriter.create(LOG, durability="none", disk=disk, clock=lambda: "t") as log:
        for number, event in enumerate(events, start=1):
            log.append(event)
            if number == durable:
                log.sync()
                old = disk.read(LOG).read()
    return old, disk.read(LOG).read()


def _judged(content: bytes, written: bytes, durable: int) -> str | None:
    disk = holding(content)
    report = verify(LOG, disk=disk)
    if report.condition not in {"torn", "incomplete", "sealed"}:
        return f"{durable} durable events, {len(content)} bytes: {report.condition}: {report.problem}"
    kept = recover(LOG, disk=disk).report.events
    if kept < durable:
        return f"{durable} durable events, {len(content)} bytes: only {kept} kept"
    if kept and not written.startswith(disk.read(LOG).read()):
        return f"{durable} durable events, {len(content)} bytes: bytes that were never written"
    return None if not kept or sum(1 for _ in read_records(LOG, disk=disk)) == kept else "read and verify disagree"
