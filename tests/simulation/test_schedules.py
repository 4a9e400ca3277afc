"""Seeds and schedules. That each episode is the one it is alone, on any of them, is tried in `tests/campaigns`."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio

from coding_agent.events.schema import Done, EpisodeStarted, Event
from coding_agent.policies.simulated import SimulatedModel
from coding_agent.rollout.world import Stage
from coding_agent.sandbox.simulated import SeededFaults, SimulatedBackend
from tests.simulation.schedules import schedule
from tests.simulation.worlds import Places, jobs, roll_out


def trace(folder: Path, seed: int) -> list[tuple[float, str, str]]:
    """When what happened to whom."""
    seen: list[tuple[float, str, str]] = []

    def observe(episode: str, stage: Stage, event: Event | None) -> None:
        seen.append((trio.current_time(), episode, type(event).__name__ if event else stage))

    backend = SimulatedBackend(faults=SeededFaults(seed=1, dies=0.05))
    roll_out(folder, jobs(3, SimulatedModel()), backend, seed=seed, places=Places(episodes=3), observer=observe)
    return seen


def test_a_seed_is_one_schedule_and_another_seed_another(tmp_path: Path) -> None:
    first = [trace(tmp_path / f"a{seed}", seed) for seed in range(5)]
    again = [trace(tmp_path / f"b{seed}", seed) for seed in range(5)]
    assert first == again
    assert len({tuple(seen) for seen in first}) == 5


@pytest.mark.parametrize("places", [Places(episodes=3), Places(episodes=4, sandboxes=2, models=1), Places(episodes=9)])
def test_as_many_episodes_are_at_work_as_there_are_places(tmp_path: Path, places: Places) -> None:
    live: set[str] = set()
    most = []

    def observe(episode: str, _: Stage, event: Event | None) -> None:
        live.add(episode) if isinstance(event, EpisodeStarted) else None
        live.discard(episode) if isinstance(event, Done) else None
        most.append(len(live))

    backend = SimulatedBackend(faults=SeededFaults(seed=0))
    ran = roll_out(tmp_path / "run", jobs(6, SimulatedModel()), backend, places=places, observer=observe)
    assert max(most) == min(6, places.episodes)
    assert backend.most_live <= places.sandboxes + places.graders
    assert len(ran.outcomes) == 6


def test_a_group_is_reported_once_when_all_its_samples_are_done(tmp_path: Path) -> None:
    todo = jobs(3, SimulatedModel(), samples=3)
    ran = roll_out(tmp_path / "run", todo, SimulatedBackend(faults=SeededFaults(seed=0)), places=Places(episodes=9))
    assert sorted(ran.groups) == [(f"sim-{number}", 3) for number in range(3)]


def test_a_schedule_says_what_it_is() -> None:
    assert schedule(7) == schedule(7)
    assert schedule(7).cancel_at
    assert not schedule(8).cancel_at
