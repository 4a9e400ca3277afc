"""SIGKILL: at every append boundary, and at random moments, in each durability mode."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Self

from coding_agent.errors import StoreError
from coding_agent.events.schema import Event
from coding_agent.store.reader import read_records, verify
from coding_agent.store.recover import recover
from coding_agent.store.writer import Durability, LogWriter
from tests.campaigns import Cases, Size, campaign
from tests.samples import START, toy_episode, turn

MODES: tuple[Durability, ...] = ("event", "group", "none")
TURNS = 200

_WRITERS = """
import os, signal, sys
sys.path[:0] = {paths!r}
from pathlib import Path
from coding_agent.store.writer import LogWriter
from tests.campaigns.kills import long_episode
for line in sys.stdin:
    path, durability, stop = line.split()
    child = os.fork()
    if child == 0:
        with LogWriter.create(Path(path), durability=durability) as log:
            for event in long_episode():
                log.append(event)
                os.write(1, b"%d\\n" % log.events)
                if log.events == int(stop):
                    os.kill(os.getpid(), signal.SIGKILL)
            signal.pause()
    os.write(2, b"%d\\n" % child)
    os.waitpid(child, 0)
    os.write(1, b"end\\n")
"""


def long_episode() -> list[Event]:
    return [START, *(turn(number, content=f"turn {number} " * (number % 40)) for number in range(1, TURNS + 1))]


class Writers:
    """A process that forks one writer after the other, each to be killed. Forking is quick; starting Python is not."""

    def __init__(self) -> None:
        program = _WRITERS.format(paths=sys.path)
        pipe = subprocess.PIPE
        self._process = subprocess.Popen([sys.executable, "-c", program], stdin=pipe, stdout=pipe, stderr=pipe)
        assert self._process.stdin
        assert self._process.stdout
        assert self._process.stderr
        self._orders, self._told, self._children = self._process.stdin, self._process.stdout, self._process.stderr

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for stream in (self._orders, self._told, self._children):
            stream.close()
        self._process.wait()

    def killed(self, path: Path, durability: Durability, *, stop: int = -1, after_s: float | None = None) -> int:
        """How many events a writer had acknowledged when it was killed: by itself at `stop`, or after a while."""
        self._orders.write(f"{path} {durability} {stop}\n".encode())
        self._orders.flush()
        child = int(self._children.readline())
        if after_s is not None:
            time.sleep(after_s)
            os.kill(child, signal.SIGKILL)
        told = b"0"
        while (line := self._told.readline()) != b"end\n":
            told = line
        return int(told)


@campaign("kill -9 at an append boundary, in each durability mode: no acknowledged event lost, none invented")
def boundaries(size: Size, folder: Path) -> Cases:
    stops = range(1, TURNS + 2) if size == "long" else (1, 2, 7)
    with Writers() as writers:
        for durability in MODES:
            for stop in stops:
                path = folder / f"{durability}{stop}.jsonl"
                told = writers.killed(path, durability, stop=stop)
                yield f"{told} of {stop} acknowledged" if told != stop else _lost(path, stop, exactly=True)


@campaign("kill -9 at a random moment, in each durability mode: no acknowledged event lost, none invented")
def moments(size: Size, folder: Path) -> Cases:
    chance = random.Random(9)
    with Writers() as writers:
        for number in range(1000 if size == "long" else 18):
            durability = MODES[number % 3]
            path = folder / f"{number}.jsonl"
            told = writers.killed(path, durability, after_s=chance.uniform(0, 0.06))
            yield _lost(path, told, exactly=False)
            path.unlink(missing_ok=True)


def _lost(path: Path, told: int, *, exactly: bool) -> str | None:
    """A kill may come between the write and its acknowledgement: one event more than was told, never one less."""
    if not path.exists():
        return None if told == 0 else f"{path.name}: the log is gone, {told} events were acknowledged"
    report = verify(path)
    if report.condition == "torn":
        report = recover(path).report
    if not told <= report.events <= told + (0 if exactly else 1):
        return f"{path.name}: {report.events} events, {told} were acknowledged"
    if report.events and [record.event for record in read_records(path)] != long_episode()[: report.events]:
        return f"{path.name}: events that were never written"
    return _goes_on(path, report.events)


def _goes_on(path: Path, events: int) -> str | None:
    with suppress(StoreError), LogWriter.reopen(path, durability="none") as log:
        log.append(long_episode()[events] if events <= TURNS else toy_episode()[-1])
        return None
    return f"{path.name}: a new writer could not go on"
