"""Real processes in real sandboxes: killed or cancelled anywhere in an episode."""

from __future__ import annotations

import functools
from pathlib import Path
from tempfile import TemporaryDirectory

import anyio

from coding_agent.events.schema import Event
from tests.campaigns import Cases, Size, campaign
from tests.campaigns.spread import beside
from tests.rollout.cancelled import anywhere
from tests.rollout.killed import problems, undisturbed


@campaign(
    "A process killed (-9) after any event of an episode in bubblewrap: nothing left, resumed it ends the same",
    in_suite=False,
)
def real_kills(size: Size, folder: Path) -> Cases:
    """Long: every event, and every sixteenth of a second of the first two; short: the last event, and one moment."""
    whole = undisturbed(folder / "whole")
    places: list[tuple[int, float]] = [(len(whole), 0.0), (0, 0.5)]
    if size == "long":
        places = [*((number, 0.0) for number in range(1, len(whole) + 1)), *((0, n / 16) for n in range(1, 33))]
    for (number, after_s), wrong in zip(places, beside(functools.partial(_killed, whole), places), strict=True):
        where = f"event {number}" if number else f"after {after_s:g} s"
        yield f"{where}: {'; '.join(wrong)}" if wrong else None


def _killed(whole: tuple[Event, ...], place: tuple[int, float]) -> list[str]:
    number, after_s = place
    with TemporaryDirectory() as name:
        return problems(Path(name), whole, events=number, after_s=after_s)


@campaign(
    "A real episode cancelled at any event or moment: sealed, no process, descriptor or directory left", in_suite=False
)
def real_cancellations(size: Size, folder: Path) -> Cases:
    """Long: both event loops with both kinds of sandbox; short: each once."""
    chosen = [("asyncio", "bubblewrap"), ("trio", "local")]
    for backend, kind in [*chosen, ("asyncio", "local"), ("trio", "bubblewrap")] if size == "long" else chosen:
        place, moments = folder / f"{backend}-{kind}", 33 if size == "long" else 4
        for where, problem in anyio.run(functools.partial(anywhere, place, kind, moments=moments), backend=backend):
            yield problem and f"{backend}, {kind}, {where}: {problem}"
