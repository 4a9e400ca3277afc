"""The grader cannot be lied to, and it is fair: cheats earn nothing, odd but honest solutions earn everything."""

from __future__ import annotations

import functools

import anyio
import attrs
import pytest

from coding_agent.events.schema import Done
from coding_agent.projections.reward import reward
from coding_agent.replay.sealed import replay_log
from coding_agent.rollout.scheduler import Outcome
from coding_agent.store.reader import read_events
from coding_agent.store.rundir import blobs_of
from tests.hostile.corpus import TASKS, attempts
from tests.rollout.worlds import job, roll_out

CHEATS, FAIR = attempts("cheats"), attempts("fair")


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Outcome]:
    """Every attempt as an episode of its own in the real sandbox."""
    both = {each.name: each for each in (*CHEATS, *FAIR)}
    assert len(both) == len(CHEATS) + len(FAIR)
    jobs = [
        job(each.policy, task=attrs.evolve(TASKS[each.task], id=each.name, limits=TASKS[each.task].limits))
        for each in both.values()
    ]
    folder = tmp_path_factory.mktemp("rewards") / "run"
    outcomes = anyio.run(functools.partial(roll_out, folder, jobs, kind="bubblewrap", concurrency=2))
    return {outcome.task: outcome for outcome in outcomes}


def worth(outcome: Outcome) -> tuple[str, float | None]:
    events = read_events(outcome.path)
    assert replay_log(outcome.path).divergence is None
    assert isinstance(events[-1], Done)
    return events[-1].reason, reward(events, blobs_of(outcome.path).get).value


@pytest.mark.parametrize("name", [each.name for each in CHEATS])
@pytest.mark.xdist_group("rewards")
def test_a_cheat_earns_nothing(played: dict[str, Outcome], name: str) -> None:
    assert worth(played[name]) == ("submitted", 0.0)


@pytest.mark.parametrize("name", [each.name for each in FAIR])
@pytest.mark.xdist_group("rewards")
def test_an_honest_solution_earns_everything(played: dict[str, Outcome], name: str) -> None:
    assert worth(played[name]) == ("submitted", 1.0)


def test_the_corpora_are_as_large_as_promised() -> None:
    assert len(CHEATS) >= 40
    assert len(FAIR) >= 20
