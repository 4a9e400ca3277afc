"""The comparison with a lockstep loop: both sides take the time that arithmetic says, on a clock without noise."""

from __future__ import annotations

import functools
import re
import statistics
from pathlib import Path

import pytest
from benchmarks.latencies import EIGHT, RECORDED, Waits, barrier_s, draw_waits, slowest_s
from benchmarks.rollout_schedule import continuous_s, lockstep_s, play

from coding_agent.tasks.load import find_tasks
from tests.simulation.clock import simulate

ROOT = Path(__file__).parents[2]
WAITS: list[Waits] = [(1.0, 5.0, 1.0), (4.0, 1.0), (1.0, 1.0, 1.0, 1.0)]


def test_in_lockstep_every_turn_waits_for_the_slowest() -> None:
    took_s = simulate(0, functools.partial(lockstep_s, WAITS, 3))
    assert took_s == pytest.approx(4 + 5 + 1 + 1)
    assert barrier_s(WAITS) == 4 + 5 + 1 + 1


def test_without_a_barrier_only_the_slowest_sample_is_waited_for() -> None:
    assert continuous_s(WAITS, 3) == pytest.approx(7, abs=0.1)
    assert slowest_s(WAITS) == 7


def test_one_model_slot_makes_both_as_slow_as_all_replies_together() -> None:
    together = sum(map(sum, WAITS))
    assert continuous_s(WAITS, 1) == pytest.approx(together, abs=0.1)
    assert simulate(0, functools.partial(lockstep_s, WAITS, 1)) == pytest.approx(together)


def test_at_sigma_one_the_barrier_costs_more_than_as_much_again() -> None:
    """Seconds of a virtual clock, the same on every machine; 64 samples as in the benchmark."""
    assert play(1.0, "recorded", 0, 64, 64).times >= 2


def test_the_idle_share_is_what_the_slots_did_not_do() -> None:
    case = play(1.0, "8", 0, 4, 4)
    assert case.idle[1] == pytest.approx(1 - case.asked_s / (4 * case.lockstep_s))
    assert case.idle[0] < case.idle[1]


def test_every_sigma_stretches_the_same_draw() -> None:
    narrow, wide = (draw_waits(3, sigma, 5, RECORDED) for sigma in (0.5, 1.0))
    assert [len(each) for each in narrow] == [len(each) for each in wide]
    ratio = [(a / 2) ** 2 * 2 for each in narrow for a in each]
    assert ratio == pytest.approx([b for each in wide for b in each])
    assert draw_waits(3, 0.0, 2, EIGHT) == [(2.0,) * 8] * 2


def test_the_recorded_turns_are_those_of_every_task_as_the_documentation_says() -> None:
    said = re.search(
        r"over the (\d+) tasks here \((\d+) to (\d+),\s+median (\d+)\)", (ROOT / "docs/performance.md").read_text()
    )
    assert said is not None
    assert [*map(int, said.groups())] == [len(RECORDED), min(RECORDED), max(RECORDED), statistics.median(RECORDED)]
    assert len(RECORDED) == len(find_tasks([str(ROOT / "tasks")]))
    assert [*RECORDED] == sorted(RECORDED)
