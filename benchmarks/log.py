"""How fast logs are written, verified and replayed, beside the least that the same bytes cost.

    python benchmarks/log.py [--rounds N] [--json] [--folder DIR]

Each round measures every row once, one after the other, so that what else the machine does hits all alike. The events
are those of a recorded episode, its turns repeated and renumbered. `cpu` is the least CPU time of a round, of all threads:
on a busy machine it says more than the clock, but nothing of waiting for the disk.
"""

from __future__ import annotations

import argparse
import gc
import hashlib
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import attrs
import orjson

from coding_agent.events.codec import encode
from coding_agent.events.schema import Event, ModelTurn, Notice, TestRun, ToolCall, ToolResult
from coding_agent.replay.sealed import replay_log
from coding_agent.store.reader import read_events, verify
from coding_agent.store.writer import Durability, LogWriter

RECORDED = Path(__file__).parent.parent / "replays" / "ep123.jsonl"
EVENTS = 2000
STEPS = 200
"""Events of the rows that sync, or rewrite everything, at each step."""


@attrs.frozen(kw_only=True)
class Row:
    """`work` does it once: that many events, that many bytes."""

    name: str
    work: Callable[[], object]
    events: int
    size: int
    than: str | None = None
    """The row that it is held against."""


def long_episode(events: int) -> list[Event]:
    """The recorded header, then the recorded turns again and again; no end."""
    header, *body = read_events(RECORDED)
    turns = [event for event in body if isinstance(event, ModelTurn | ToolCall | ToolResult | Notice | TestRun)]
    turns = [event for event in turns if not (isinstance(event, TestRun) and event.purpose == "grade")]
    per_lap = sum(isinstance(event, ModelTurn) for event in turns)
    laps = range(events // len(turns) + 1)
    return [header, *(_later(event, lap * per_lap) for lap in laps for event in turns)][:events]


def _later(event: Event, turns: int) -> Event:
    if isinstance(event, ModelTurn):
        return attrs.evolve(event, turn=event.turn + turns, tokens=None)
    if isinstance(event, ToolCall | ToolResult | TestRun | Notice) and event.call is not None:
        turn, _, index = event.call.partition(".")
        return attrs.evolve(event, call=f"{int(turn) + turns}.{index}")
    return event


def buffered(path: Path, lines: Sequence[bytes]) -> None:
    with path.open("wb") as stream:
        for line in lines:
            stream.write(line)
        stream.flush()
        os.fdatasync(stream.fileno())


def written(path: Path, lines: Sequence[bytes]) -> None:
    """One write per line: the least that survives a kill of the process at each event."""
    with path.open("wb", buffering=0) as stream:
        for line in lines:
            stream.write(line)
        os.fdatasync(stream.fileno())


def hashed(path: Path, events: Sequence[Event]) -> None:
    """What any chained JSON log has to do: serialise, hash, write; no checks, no state, one sync."""
    previous = b""
    with path.open("wb") as stream:
        for event in events:
            line = orjson.dumps(encode(event))
            previous = hashlib.sha256(previous + line).digest()
            stream.write(line)
        stream.flush()
        os.fdatasync(stream.fileno())


def appended(path: Path, events: Sequence[Event], durability: Durability) -> None:
    with LogWriter.create(path, durability=durability) as log:
        for event in events:
            log.append(event)


def rewritten(path: Path, events: Sequence[Event]) -> None:
    """The document of all events so far, written anew at each step, as trajectory files usually are; never synced."""
    document: list[object] = []
    for event in events:
        document.append(encode(event))
        path.write_bytes(orjson.dumps(document))


def raw(path: Path) -> None:
    previous = b""
    with path.open("rb") as stream:
        for line in stream:
            orjson.loads(line)
            previous = hashlib.sha256(previous + line).digest()


def rows(folder: Path) -> list[Row]:
    events = long_episode(EVENTS)
    log, new = folder / "read.jsonl", folder / "written.jsonl"
    appended(log, events, "none")
    lines = log.read_bytes().splitlines(keepends=True)
    size, few = log.stat().st_size, sum(map(len, lines[:STEPS]))
    recorded = len(read_events(RECORDED))
    bare, hashing, reading = "write: buffered", "write: orjson + SHA-256 + buffered", "read: orjson + SHA-256"
    stepwise = "append --durability event"
    table: list[tuple[str, Callable[[], object], int, int, str | None]] = [
        (bare, lambda: buffered(new, lines), EVENTS, size, None),
        ("write: one write per line", lambda: written(new, lines), EVENTS, size, bare),
        (hashing, lambda: hashed(new, events), EVENTS, size, bare),
        ("append --durability none", lambda: appended(new, events, "none"), EVENTS, size, bare),
        ("append --durability group", lambda: appended(new, events, "group"), EVENTS, size, bare),
        (stepwise, lambda: appended(new, events[:STEPS], "event"), STEPS, few, None),
        ("write: whole JSON at each step", lambda: rewritten(new, events[:STEPS]), STEPS, few, stepwise),
        (reading, lambda: raw(log), EVENTS, size, None),
        ("verify", lambda: verify(log), EVENTS, size, reading),
        ("read and decode", lambda: read_events(log), EVENTS, size, reading),
        ("sealed replay of one episode", lambda: replay_log(RECORDED), recorded, RECORDED.stat().st_size, None),
    ]
    return [Row(name=n, work=work, events=count, size=length, than=than) for n, work, count, length, than in table]


Timed = tuple[float, float]
"""Seconds by the clock, and of the processor."""


def measure(chosen: Sequence[Row], rounds: int, written: Path) -> dict[str, list[Timed]]:
    """Each round of each row. The first round warms up and is not counted."""
    seconds: dict[str, list[Timed]] = {row.name: [] for row in chosen}
    for number in range(rounds + 1):
        for row in chosen:
            written.unlink(missing_ok=True)
            gc.collect()
            began, busy = time.perf_counter(), time.process_time()
            row.work()
            took = time.perf_counter() - began, time.process_time() - busy
            if number:
                seconds[row.name].append(took)
    return seconds


def summed_up(chosen: Sequence[Row], seconds: dict[str, list[Timed]]) -> list[dict[str, object]]:
    middle = {row.name: statistics.median(clock for clock, _ in seconds[row.name]) / row.events for row in chosen}
    busy = {row.name: min(cpu for _, cpu in seconds[row.name]) / row.events for row in chosen}
    found: list[dict[str, object]] = []
    for row in chosen:
        times = sorted(clock for clock, _ in seconds[row.name])
        found.append(
            {
                "row": row.name,
                "ms": statistics.median(times) * 1e3,
                "ms_min": times[0] * 1e3,
                "ms_max": times[-1] * 1e3,
                "events": row.events,
                "events_per_s": row.events / statistics.median(times),
                "mb_per_s": row.size / statistics.median(times) / 1e6,
                "than": row.than,
                "times": None if row.than is None else middle[row.name] / middle[row.than],
                "cpu_ms": busy[row.name] * row.events * 1e3,
                "cpu_times": None if row.than is None else busy[row.name] / busy[row.than],
            }
        )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description="Rates of the log, beside the least that the same bytes cost.")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--folder", type=Path, help="where to write; its file system is what is measured")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=chosen.folder) as name:
        table = rows(Path(name))
        found = summed_up(table, measure(table, chosen.rounds, Path(name) / "written.jsonl"))
    if chosen.json:
        print(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())
        return
    print(
        f"{'':38} {'events':>6} {'median ms':>10} {'min':>8} {'max':>8} {'cpu':>8} {'events/s':>10} {'MB/s':>8}  beside"
    )
    for each in found:
        beside = "" if each["than"] is None else f"{each['times']:.2f} x {each['than']} (cpu {each['cpu_times']:.2f})"
        print(
            f"{each['row']:38} {each['events']:>6} {each['ms']:>10.2f} {each['ms_min']:>8.2f} {each['ms_max']:>8.2f} {each['cpu_ms']:>8.2f}"
            f" {each['events_per_s']:>10,.0f} {each['mb_per_s']:>8.1f}  {beside}"
        )


if __name__ == "__main__":
    main()
