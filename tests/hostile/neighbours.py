"""Honest episodes beside others: they must end as they do alone, and not be kept waiting much longer than by honest company."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import attrs

from coding_agent.rollout.scheduler import Job, Outcome
from coding_agent.store.rundir import RunDirectory
from coding_agent.store.writer import utc_now
from tests.rollout.worlds import FIX, SUBMIT, job, play_jobs, script

PATIENCE = 10.0
"""How many times as long as the slowest neighbour beside honest company one may take."""


@attrs.frozen(kw_only=True)
class Neighbour:
    """One that has ended."""

    outcome: Outcome
    took_s: float
    began: str
    ended: str
    """As the logs have times."""


def honest(token: str) -> Job:
    """Solves its task, and keeps the token in its workspace all the while."""
    keep = ("write_file", json.dumps({"path": "mine.txt", "content": f"{token}\n"}))
    look = ("read_file", json.dumps({"path": "mine.txt"}))
    return job(script(keep, ("run_tests", "{}"), FIX, look, ("run_tests", "{}"), look, SUBMIT))


async def neighbour(folder: Path, token: str, kind: str) -> Neighbour:
    """One more, in a run directory of its own."""
    began, at = time.monotonic(), utc_now()
    (outcome,) = await play_jobs(RunDirectory.create(folder, {}), [honest(token)], kind=kind)
    return Neighbour(outcome=outcome, took_s=time.monotonic() - began, began=at, ended=utc_now())


@asynccontextmanager
async def living_next_door(folder: Path, token: str, kind: str) -> AsyncIterator[list[Neighbour]]:
    """One neighbour after the other; the list is complete when the context is left."""
    found: list[Neighbour] = []
    over = anyio.Event()

    async def live() -> None:
        for number in itertools.count():
            found.append(await neighbour(folder / f"neighbour-{number}", token, kind))
            if over.is_set():
                return

    await anyio.Path(folder).mkdir()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(live)
        try:
            yield found
        finally:
            over.set()


async def beside_honest_company(folder: Path, token: str, kind: str, lanes: int) -> Sequence[Neighbour]:
    """How neighbours fare beside as many honest episodes at a time as there will be hostile ones."""
    await anyio.Path(folder).mkdir()
    company = [attrs.evolve(honest(token), sample=sample) for sample in range(2 * lanes)]
    async with living_next_door(folder / "doors", token, kind) as found:
        run = RunDirectory.create(folder / "company", {})
        await play_jobs(run, company, kind=kind, concurrency=lanes)
    return found


def starved(usual: Outcome, beside: Sequence[Neighbour]) -> Iterator[str]:
    """Neighbours that failed, were killed, lost what they had or were told anything else than when alone."""
    for each in beside:
        if each.outcome.semantic_digest != usual.semantic_digest:
            yield f"a neighbour ended as {each.outcome.reason}, passed {each.outcome.passed}, after {each.took_s:.1f} s"


def kept_waiting(calm: Sequence[Neighbour], beside: Sequence[Neighbour]) -> list[Neighbour]:
    """Neighbours that took many times as long as beside honest company; none where that was not tried."""
    return [each for each in beside if calm and each.took_s > PATIENCE * max(other.took_s for other in calm)]
