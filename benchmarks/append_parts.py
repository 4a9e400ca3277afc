"""What each part of an append costs alone: CPU time per event, the least of many rounds, so that neighbours matter less.

    python -m benchmarks.append_parts [--rounds N]

The events are those of `benchmarks/log.py`. No part syncs. `whole append` is more than the sum: it has calls in it,
and each part alone finds its values in the processor's caches.
"""

from __future__ import annotations

import argparse
import collections
import gc
import hashlib
import os
import tempfile
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import orjson

from benchmarks.log import EVENTS, appended, long_episode
from coding_agent.errors import EncodeError
from coding_agent.events.codec import check_json, encode, without_observed
from coding_agent.events.line import CHAIN_SEED, canonical
from coding_agent.events.log import check_sequence
from coding_agent.events.schema import WIRE_NAMES
from coding_agent.store.disk import REAL_DISK
from coding_agent.store.writer import utc_now

Part = tuple[str, Callable[[], object]]


def parts(folder: Path) -> list[Part]:
    events, log = long_episode(EVENTS), folder / "log.jsonl"
    appended(log, events, "none")
    lines = log.read_bytes().splitlines(keepends=True)
    written = [encode(event) for event in events]
    meant = [
        {"data": without_observed(type(event), data), "type": WIRE_NAMES[type(event)]}
        for event, data in zip(events, written, strict=True)
    ]
    states = [canonical(meaning) for meaning in meant]
    fd = REAL_DISK.create(folder / "lines")

    def meaning() -> None:
        for event, data in zip(events, written, strict=True):
            without_observed(type(event), data)

    def buffered() -> None:
        with (folder / "buffered").open("wb") as stream:
            stream.writelines(lines)

    def append() -> None:
        log.unlink()
        appended(log, events, "none")

    return [
        ("bytes: buffered write", buffered),
        ("bytes: one write per event", lambda: _drain(os.write(fd, line) for line in lines)),
        ("line: event to JSON values, checked", lambda: _drain(map(encode, events))),
        ("line: of which the check alone", lambda: _checked(written)),
        ("line: orjson", lambda: _drain(map(orjson.dumps, written))),
        ("line: SHA-256 of the bytes (chain)", lambda: _drain(map(_hashed, lines))),
        ("state: without observed fields", meaning),
        ("state: orjson, keys sorted", lambda: _drain(map(canonical, meant))),
        ("state: SHA-256 of the meaning", lambda: _drain(map(_hashed, states))),
        ("legality", lambda: check_sequence(events)),
        ("clock", lambda: _drain(utc_now() for _ in events)),
        ("whole append (durability none)", append),
    ]


def _drain(results: Iterable[object]) -> None:
    """Throw each result away at once, as a writer does."""
    collections.deque(results, maxlen=0)


def _checked(written: Iterable[object]) -> None:
    for data in written:
        check_json(data, "$", EncodeError)


def _hashed(content: bytes) -> str:
    digest = hashlib.sha256(CHAIN_SEED.encode())
    digest.update(content)
    return digest.hexdigest()


def measure(table: list[Part], rounds: int) -> dict[str, float]:
    """Microseconds of CPU per event, the least of all rounds."""
    least = {name: float("inf") for name, _ in table}
    for _ in range(rounds):
        for name, work in table:
            gc.collect()
            began = time.thread_time()
            work()
            least[name] = min(least[name], time.thread_time() - began)
    return {name: seconds / EVENTS * 1e6 for name, seconds in least.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description="What each part of an append costs alone.")
    parser.add_argument("--rounds", type=int, default=30)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        for part, microseconds in measure(parts(Path(name)), chosen.rounds).items():
            print(f"{part:38} {microseconds:6.2f} us/event")


if __name__ == "__main__":
    main()
