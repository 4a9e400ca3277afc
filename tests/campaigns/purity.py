"""Projections and sealed replay are functions of the events: not of the machine, the Python or the loop around them."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.campaigns import Cases, Size, Untried, campaign
from tests.campaigns.spread import beside
from tests.pythons import HERE, Missing, promised, python

ROOT = Path(__file__).parents[2]
GOLDEN = [str(path) for path in sorted((ROOT / "replays").glob("*.jsonl"))]
SEEDS = ("0", "1", "4294967295", *(str(7919 * number) for number in range(1, 18)))
ZONES = ("UTC", "Asia/Kathmandu", "America/St_Johns")
PLACES = (
    {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    {"LC_ALL": "C.UTF-8"},
    {"LC_ALL": "tr_TR.UTF-8", "PYTHONUTF8": "0"},
)
"""A locale that is not installed counts as C, so the last is Turkish only where there is Turkish."""


@campaign("Projections and replay with the world taken away: the same for any hash seed, time zone and locale")
def places(size: Size, folder: Path) -> Cases:
    """A case is one recorded episode under one setting; short: each seed, zone and locale of three once."""
    settings = list(zip(SEEDS, ZONES, PLACES, strict=False))
    if size == "long":
        settings = list(itertools.product(SEEDS, ZONES, PLACES))
    expected = _digests({})
    environments = [{"PYTHONHASHSEED": seed, "TZ": zone, **place} for seed, zone, place in settings]
    for environment, lines in zip(environments, beside(_digests, environments), strict=True):
        yield from _differences(str(environment), lines, expected)


def _digests(settings: dict[str, str]) -> list[str]:
    command = [sys.executable, "-m", "tests.projections.purity_program", *GOLDEN]
    environment = {**os.environ, **settings}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@campaign(
    "Replay gives the same bytes under every Python, on asyncio and trio, one log at a time or many at once",
    in_suite=False,
)
def pythons(size: Size, folder: Path) -> Cases:
    """A case is one replay of a recorded episode, or all that policies are told of malformed arguments."""
    loops = [("trio", "16")]
    if size == "long":
        loops = list(itertools.product(("asyncio", "trio"), ("1", "2", "4", "8", "16", "32", "64")))
    expected = python(HERE).run("tests.replay.answers_program", "asyncio", "1", *GOLDEN).splitlines()
    for version in (HERE, *(version for version in promised() if version != HERE)):
        try:
            chosen = python(version)
        except Missing as missing:
            yield Untried(str(missing))
            continue
        for backend, concurrency in loops:
            lines = chosen.run("tests.replay.answers_program", backend, concurrency, *GOLDEN).splitlines()
            yield from _differences(f"Python {version}, {backend}, {concurrency} at once", lines, expected)


def _differences(where: str, lines: list[str], expected: list[str]) -> Iterator[str | None]:
    if len(lines) != len(expected):
        yield f"{where}: {len(lines)} answers, not {len(expected)}"
    for line, other in zip(lines, expected, strict=False):
        yield None if line == other else f"{where}: {line}, not {other}"
