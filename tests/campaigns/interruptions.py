"""Ctrl-C at each call of a run, before the system does it and after: what is in the log, and whether its writer goes on."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Literal

import attrs

from coding_agent.errors import EventError, StoreError, WriterPoisoned
from coding_agent.store.manifest import read_manifest
from coding_agent.store.reader import read_decoded, verify
from coding_agent.store.rundir import RunDirectory
from coding_agent.store.simulated import SimulatedDisk
from coding_agent.store.writer import Durability, LogWriter
from tests.campaigns import Cases, Size, campaign
from tests.campaigns.disks import disk_of
from tests.campaigns.faults import BLOB, RUN, entry
from tests.samples import AT, toy_episode

When = Literal["before", "after"]


class Interrupted(SimulatedDisk):
    """Ctrl-C once, before call `number` or after it: then the system has done it, and nobody has been told."""

    def __init__(self, number: int, when: When) -> None:
        super().__init__(lambda _: self._at("before"))
        self.number, self.when = number, when

    def _at(self, when: When) -> None:
        if (when, self.calls - 1) == (self.when, self.number):
            self.number = -1
            raise KeyboardInterrupt

    def create(self, path: Path) -> int:
        fd = super().create(path)
        self._at("after")
        return fd

    def write(self, fd: int, data: bytes) -> int:
        written = super().write(fd, data)
        self._at("after")
        return written

    def sync(self, fd: int) -> None:
        super().sync(fd)
        self._at("after")

    def sync_directory(self, path: Path) -> None:
        super().sync_directory(path)
        self._at("after")

    def make_directory(self, path: Path) -> None:
        super().make_directory(path)
        self._at("after")

    def rename(self, source: Path, target: Path) -> None:
        super().rename(source, target)
        self._at("after")


@attrs.define
class Told:
    """What a run was told is done."""

    events: int = 0
    entries: int = 0


def play(disk: SimulatedDisk, told: Told, durability: Durability) -> None:
    """As a caller who handles Ctrl-C by trying once more what was interrupted, and ends where that is refused."""
    run = RunDirectory.create(RUN, {}, disk=disk)
    run.blobs.put(BLOB)
    with LogWriter.create(run.log_path("toy", 0, 0), durability=durability, disk=disk, clock=lambda: AT) as log:
        for event in toy_episode():
            try:
                log.append(event)
            except KeyboardInterrupt:
                log.append(event)
            told.events = log.events
        head, state = log.chain, log.state
    manifest = run.manifest()
    try:
        for name in ("episodes/toy/0.0.jsonl", "episodes/toy/1.0.jsonl"):
            try:
                manifest.append(entry(name, told.events, head, state))
            except KeyboardInterrupt:
                manifest.append(entry(name, told.events, head, state))
            told.entries += 1
    finally:
        manifest.close()


@campaign(
    "Ctrl-C at any call: no acknowledged event is lost, none is there twice, and no line follows one it does not fit"
)
def interruptions(size: Size, folder: Path) -> Cases:
    modes: tuple[Durability, ...] = ("event", "group", "none")
    for durability in modes:
        play(whole := SimulatedDisk(), Told(), durability)
        for number in range(whole.calls):
            for when in ("before", "after"):
                disk, told = Interrupted(number, when), Told()
                problem = _interrupted(disk, told, durability)
                yield None if problem is None else f"{durability}, {when} call {number}: {problem}"


def _interrupted(disk: Interrupted, told: Told, durability: Durability) -> str | None:
    try:
        with contextlib.suppress(KeyboardInterrupt, WriterPoisoned):
            play(disk, told, durability)
    except EventError as error:
        return f"tried again: {error}"
    if disk.number != -1:
        return "never interrupted"
    try:
        return _wrong(disk_of(disk.killed()), told)
    except StoreError as error:
        return str(error)


def _wrong(left: SimulatedDisk, told: Told) -> str | None:
    path, index = RUN / "episodes" / "toy" / "0.0.jsonl", RUN / "manifest.jsonl"
    report = verify(path, disk=left)
    if report.condition in {"damaged", "incompatible", "unreadable"}:
        return report.problem
    if report.events < told.events:
        return f"{report.events} of {told.events} acknowledged events"
    if left.exists(index) and len(list(read_manifest(index, disk=left))) < told.entries:
        return "an entry of the manifest is gone"
    if report.events and [each.event for each in read_decoded(path, disk=left)] != toy_episode()[: report.events]:
        return "not the events that were appended"
    return None
