"""Whole rollouts on a disk in memory, cut off at seeded calls: what was acknowledged as durable must still be there.

A crash is a snapshot: the run goes on, so one run shows many. What a snapshot leaves is written to a real directory and
looked at with the real `verify` and `recover`, and then gone on with to the end.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import random
from collections.abc import Iterable, Iterator
from pathlib import Path

import attrs

from coding_agent.errors import LogTorn
from coding_agent.events.schema import Done, Event
from coding_agent.rollout.begin import blob_names
from coding_agent.rollout.scheduler import Job
from coding_agent.rollout.world import Stage
from coding_agent.sandbox.simulated import SeededFaults, SimulatedBackend
from coding_agent.store.manifest import Entry, read_manifest
from coding_agent.store.reader import read_events, verify
from coding_agent.store.recover import recover
from coding_agent.store.rundir import RunDirectory
from coding_agent.store.simulated import Crash, SimulatedDisk
from coding_agent.store.writer import Durability
from tests.rollout.worlds import script
from tests.simulation.schedules import MODEL, Meaning, meaning, resumed, scratch
from tests.simulation.worlds import Places, jobs, roll_out

RUN = Path("/run")
WORLDS = 4
SNAPSHOTS = 0.04
"""Of all calls."""
GROUP_SYNCS = 0.1
"""Of the writes, those that a group sync precedes."""
BIG = script(
    ("run_command", '{"command": "seq 20000 > big.txt"}'),
    ("replace_text", '{"path": "double.py", "old": "2 + x", "new": "2 * x"}'),
    ("submit", '{"status": "solved", "summary": "done"}'),
)
"""Writes a file that needs a blob."""


@attrs.frozen(kw_only=True)
class Snapshot:
    """The disk after a crash before one call, and what had been acknowledged until then for good."""

    call: int
    kind: str
    """`power` or `kill`."""
    left: Crash
    acknowledged: dict[str, int]
    """Events by log; after a power cut under group commit, only those that a group sync had reached."""
    reported: int
    """Episodes whose outcome was reported."""


def todo(world: int) -> list[Job]:
    return [*jobs(2, MODEL, seed=world), *jobs(3, BIG, seed=world)[2:]]


def crash_campaign(seeds: Iterable[int]) -> tuple[int, list[str]]:
    """(how many crashes were looked at, what was wrong, each with its seed)."""
    tried, failures = 0, []
    for seed in seeds:
        snapshots, whole = snapshots_of(seed)
        for snapshot in snapshots:
            tried += 1
            where = f"crash {seed}, {snapshot.kind} before call {snapshot.call}"
            failures += [f"{where}: {wrong}" for wrong in problems(snapshot, whole, seed)]
    return tried, failures


@attrs.define(kw_only=True)
class Witness:
    """Counts what a run acknowledges, and takes a snapshot before some of its calls to the disk."""

    draws: random.Random
    durability: Durability
    disk: SimulatedDisk = attrs.field(factory=SimulatedDisk)
    found: list[Snapshot] = attrs.field(factory=list)
    acknowledged: dict[str, int] = attrs.field(factory=dict)
    durable: dict[str, int] = attrs.field(factory=dict)
    reported: list[object] = attrs.field(factory=list)

    def look(self, call: str) -> None:
        if self.durability == "group" and call == "write" and self.draws.random() < GROUP_SYNCS:
            reached = dict(self.acknowledged)
            self.disk.sync_group()
            self.durable.update(reached)
        if self.draws.random() < SNAPSHOTS:
            power = self.durability != "none" and self.draws.random() < 0.8
            left = self.disk.power_cut(self.draws) if power else self.disk.killed()
            sure = self.durable if power and self.durability == "group" else self.acknowledged
            self.found.append(
                Snapshot(
                    call=self.disk.calls, kind="power" if power else "kill", left=left, acknowledged=dict(sure),
                    reported=len(self.reported),
                )
            )  # fmt: skip

    def observe(self, episode: str, _stage: Stage, event: Event | None) -> None:
        if event is not None:
            task, sample, attempt = episode.rsplit(".", 2)
            name = f"{RUN}/episodes/{task}/{sample}.{attempt}.jsonl"
            self.acknowledged[name] = self.acknowledged.get(name, 0) + 1
            if isinstance(event, Done):
                self.durable[name] = self.acknowledged[name]


def snapshots_of(seed: int) -> tuple[list[Snapshot], Crash]:
    """Some crashes of one run, and everything that it wrote in the end."""
    draws = random.Random(f"crash {seed}")
    witness = Witness(draws=draws, durability=draws.choice(("event", "event", "group", "group", "none")))
    run = RunDirectory.create(RUN, {}, disk=witness.disk)
    witness.disk.on_call = witness.look
    cancel_at = draws.choice((0, draws.randint(1, 150)))
    roll_out(
        run, todo(seed % WORLDS), SimulatedBackend(faults=SeededFaults(seed=seed, dies=0.05)), seed=seed,
        places=Places(episodes=3), retries=3, durability=witness.durability, observer=witness.observe,
        on_outcome=witness.reported.append, cancel_at=cancel_at,
    )  # fmt: skip
    return witness.found, witness.disk.killed()


def problems(snapshot: Snapshot, whole: Crash, seed: int) -> Iterator[str]:
    """Recover what was left and hold it against what was acknowledged; then go on, and hold the end against the rest."""
    with scratch() as folder:
        for name, data in snapshot.left.items():
            place = folder / name.removeprefix("/")
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(data)
        run = RunDirectory(folder / "run")
        for log in run.logs():
            if verify(log).condition == "torn":
                recover(log)
        names = {f"/{path.relative_to(folder)}" for path in run.logs()}
        for name in names | set(snapshot.acknowledged):
            yield from _log(name, folder, snapshot, whole)
        yield from _manifest(run, snapshot)
        (run.path / "manifest.jsonl").unlink(missing_ok=True)  # an index, and not the point here
        yield from resumed(run, todo(seed % WORLDS), undisturbed(seed % WORLDS))


def _log(name: str, folder: Path, snapshot: Snapshot, whole: Crash) -> Iterator[str]:
    log, sure = folder / name.removeprefix("/"), snapshot.acknowledged.get(name, 0)
    if not log.exists() or not log.stat().st_size:
        if sure:
            yield f"{name} is gone, with {sure} acknowledged events"
        return
    report, data = verify(log), log.read_bytes()
    if report.condition not in {"sealed", "incomplete"}:
        yield f"{name} is {report.condition}: {report.problem}"
    elif not whole[name].startswith(data):
        yield f"{name} is no beginning of what was written"
    elif report.events < sure:
        yield f"{name} has {report.events} events, {sure} were acknowledged"
    elif report.events:
        for blob in blob_names(read_events(log)):
            content = snapshot.left.get(f"{RUN}/blobs/{blob}")
            if content is None or hashlib.sha256(content).hexdigest() != blob:
                yield f"{name} names blob {blob[:12]}, which is not there"


def _manifest(run: RunDirectory, snapshot: Snapshot) -> Iterator[str]:
    entries: list[Entry] = []
    with contextlib.suppress(LogTorn):
        if (run.path / "manifest.jsonl").exists():
            entries.extend(read_manifest(run.path / "manifest.jsonl"))
    if len(entries) < snapshot.reported:
        yield f"the manifest has {len(entries)} entries, {snapshot.reported} outcomes were reported"
    for entry in entries:
        if verify(run.path / entry.path).head != entry.head:
            yield f"{entry.path} is not the log that the manifest names"


@functools.cache
def undisturbed(world: int) -> dict[tuple[str, int], Meaning]:
    with scratch() as folder:
        ran = roll_out(folder / "run", todo(world), SimulatedBackend())
        return {(outcome.task, outcome.sample): meaning(read_events(outcome.path)) for outcome in ran.outcomes}
