"""What the turn barrier costs: the scheduler against a lockstep loop, with the same tasks and the same model latencies.

    python benchmarks/rollout_schedule.py [--seeds N] [--samples N] [--slots N] [--real SCALE] [--json]

Fixed before anything was measured: 64 samples (8 tasks, 8 samples each) and as many model slots; a reply takes a
lognormal time of median 2 s with sigma 0.25, 0.5 or 1, each turn drawn alone; an episode has as many turns as one of a
roll-out of the repair policy over the 15 tasks of this repository (`recorded`), or 8, the limit that AReno's example
begins with. Sandboxes, models and threads are simulated on a virtual clock, so that nothing but waiting takes time and
a seed gives the same figures on every machine. The lockstep loop is charged neither for logs nor for grades.

Every figure is held against arithmetic: in lockstep the sum over turns of the slowest reply, without a barrier the
slowest sample alone. `--real` plays 16 samples of the first seed on the real clock too, every wait times SCALE, and
AReno's own loop with them where it can be imported.
"""

from __future__ import annotations

import argparse
import functools
import itertools
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import attrs
import orjson
import trio

sys.path.insert(0, str(Path(__file__).parent.parent))

from tests.simulation.clock import THREAD_S, simulate
from tests.simulation.worlds import Places, roll_out

from benchmarks.latencies import EIGHT, RECORDED, Waits, barrier_s, draw_waits, jobs_of, slowest_s
from benchmarks.lockstep import roll_out_in_lockstep
from benchmarks.rollout_schedule_real import real_rows
from coding_agent.sandbox.simulated import SimulatedBackend

SIGMAS = (0.25, 0.5, 1.0)
TURNS = {"recorded": RECORDED, "8": EIGHT}
SEALING_S = 3 * THREAD_S
"""Simulated threads seal a log and write its line into the manifest: so much later than its last turn at most."""


@attrs.frozen(kw_only=True)
class Case:
    """One draw, played three ways. Virtual seconds."""

    sigma: float
    turns: str
    seed: int
    slots: int
    alone_s: float
    """The slowest sample, with nothing beside it."""
    continuous_s: float
    lockstep_s: float
    asked_s: float
    """All replies together."""

    @property
    def times(self) -> float:
        return self.lockstep_s / self.continuous_s

    @property
    def idle(self) -> tuple[float, float]:
        """Share of the model slots' time in which they had nothing to do: continuous, lockstep."""
        continuous, lockstep = (1 - self.asked_s / (self.slots * s) for s in (self.continuous_s, self.lockstep_s))
        return continuous, lockstep


@attrs.frozen(kw_only=True)
class Row:
    """Medians over seeds."""

    sigma: float
    turns: str
    alone_s: float
    continuous_s: float
    lockstep_s: float
    times: float
    """Lockstep over continuous, seed by seed."""
    times_min: float
    times_max: float
    idle_continuous: float
    idle_lockstep: float

    def __str__(self) -> str:
        seconds = f"{self.alone_s:>11.1f} s {self.continuous_s:>9.1f} s {self.lockstep_s:>7.1f} s"
        times = f"{self.times:>5.2f} ({self.times_min:.2f} - {self.times_max:.2f})"
        return f"{self.sigma:<5g}  {self.turns:9}{seconds}  {times} {self.idle_continuous:>21.1%} {self.idle_lockstep:>9.1%}"


def play(sigma: float, turns: str, seed: int, samples: int, slots: int) -> Case:
    """Raises SystemExit where a run took another time than arithmetic says."""
    waits = draw_waits(seed, sigma, samples, TURNS[turns])
    case = Case(
        sigma=sigma,
        turns=turns,
        seed=seed,
        slots=slots,
        alone_s=continuous_s([max(waits, key=sum)], slots),
        continuous_s=continuous_s(waits, slots),
        lockstep_s=simulate(seed, functools.partial(lockstep_s, waits, slots)),
        asked_s=sum(map(sum, waits)),
    )
    expect("slowest alone", case.alone_s, slowest_s(waits))
    if slots >= samples:
        expect("continuous", case.continuous_s, slowest_s(waits))
        expect("lockstep", case.lockstep_s, barrier_s(waits))
    return case


def continuous_s(waits: list[Waits], slots: int) -> float:
    """Our scheduler, logs, grades and all."""
    places = Places(episodes=len(waits), models=slots, sandboxes=len(waits), graders=len(waits))
    with tempfile.TemporaryDirectory() as folder:
        ran = roll_out(Path(folder) / "run", jobs_of(waits), SimulatedBackend(), places=places)
    expect_turns(sorted(outcome.turns for outcome in ran.outcomes), waits)
    return ran.ended_at


async def lockstep_s(waits: list[Waits], slots: int) -> float:
    expect_turns(sorted(await roll_out_in_lockstep(jobs_of(waits), SimulatedBackend(), slots=slots)), waits)
    return trio.current_time()


def expect_turns(found: list[int], waits: list[Waits]) -> None:
    if found != sorted(map(len, waits)):
        raise SystemExit(f"the episodes had {found} turns, {sorted(map(len, waits))} were drawn")


def expect(name: str, found_s: float, computed_s: float) -> None:
    if not computed_s - 1e-6 <= found_s <= computed_s + SEALING_S:
        raise SystemExit(f"{name}: {found_s:.4f} s on the virtual clock, {computed_s:.4f} s by arithmetic")


def summed_up(cases: list[Case]) -> Row:
    def middle(value: Callable[[Case], float]) -> float:
        return statistics.median(map(value, cases))

    return Row(
        sigma=cases[0].sigma,
        turns=cases[0].turns,
        alone_s=middle(lambda case: case.alone_s),
        continuous_s=middle(lambda case: case.continuous_s),
        lockstep_s=middle(lambda case: case.lockstep_s),
        times=middle(lambda case: case.times),
        times_min=min(case.times for case in cases),
        times_max=max(case.times for case in cases),
        idle_continuous=middle(lambda case: case.idle[0]),
        idle_lockstep=middle(lambda case: case.idle[1]),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--samples", type=int, default=64)
    parser.add_argument("--slots", type=int, help="places for model requests (default: one per sample)")
    parser.add_argument("--real", type=float, default=0.0, metavar="SCALE", help="e.g. 0.05; 0 leaves it out")
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    slots = chosen.slots or chosen.samples
    rows = []
    if not chosen.json:
        print(f"{chosen.samples} samples, {slots} model slots, median reply 2 s; medians of {chosen.seeds} seeds")
        print("sigma  turns    slowest alone  continuous  lockstep  times (min - max)     idle: continuous  lockstep")
    for turns, sigma in itertools.product(TURNS, SIGMAS):
        rows.append(summed_up([play(sigma, turns, seed, chosen.samples, slots) for seed in range(chosen.seeds)]))
        if not chosen.json:
            print(rows[-1], flush=True)
    real = real_rows(chosen.real) if chosen.real else []
    if chosen.json:
        virtual = [attrs.asdict(row) for row in rows]
        print(orjson.dumps({"virtual": virtual, "real": [attrs.asdict(row) for row in real]}).decode())
    else:
        for row in real:
            print(row)


if __name__ == "__main__":
    main()
