"""Processes that want the same log at the same moment."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from coding_agent.store.reader import verify
from tests.campaigns import Cases, Size, campaign
from tests.samples import toy_episode, write_log

RACERS = 8

_RACER = """
import sys
sys.path[:0] = {paths!r}
from pathlib import Path
from coding_agent.errors import LogLocked, UsageError
from coding_agent.store.writer import LogWriter
from tests.samples import toy_episode
events = toy_episode()
print("ready", flush=True)
for line in sys.stdin:
    path, how = line.split()
    try:
        if how == "create":
            log = LogWriter.create(Path(path), durability="none")
        else:
            log = LogWriter.reopen(Path(path), durability="none")
        for event in events[log.events : -1]:
            log.append(event)
    except (LogLocked, UsageError):
        log = None
    # The winner holds on until everybody has tried.
    print("lost" if log is None else "won", flush=True)
    sys.stdin.readline()
    if log is not None:
        log.append(events[-1])
        log.close()
    print("done", flush=True)
"""


@campaign("Eight processes that race for one log: exactly one gets it, and it is whole")
def races(size: Size, folder: Path) -> Cases:
    program = _RACER.format(paths=sys.path)
    pipe = subprocess.PIPE
    racers = [
        subprocess.Popen([sys.executable, "-c", program], stdin=pipe, stdout=pipe, text=True, bufsize=1)
        for _ in range(RACERS)
    ]
    try:
        _tell(racers, None)
        for number in range(500 if size == "long" else 10):
            path = folder / f"{number}.jsonl"
            how = ("create", "reopen")[number % 2]
            if how == "reopen":
                write_log(path, toy_episode()[:4], durability="none")
            told = _tell(racers, f"{path} {how}")
            _tell(racers, "go on")
            report = verify(path)
            held = told.count("won") == 1 and (report.condition, report.events) == ("sealed", len(toy_episode()))
            yield None if held else f"{how} {number}: {told}, {report.condition} with {report.events} events"
    finally:
        for racer in racers:
            assert racer.stdin
            assert racer.stdout
            racer.stdin.close()
            racer.stdout.close()
            racer.wait()


def _tell(racers: list[subprocess.Popen[str]], order: str | None) -> list[str]:
    for racer in racers:
        assert racer.stdin
        if order is not None:
            racer.stdin.write(order + "\n")
    answers = []
    for racer in racers:
        assert racer.stdout
        answers.append(racer.stdout.readline().strip())
    return answers
