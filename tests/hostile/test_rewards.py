"""The grader cannot be lied to, and it is fair: cheats earn nothing, odd but honest solutions earn everything."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace

import anyio
import attrs

from coding_agent.areno.config import ArenoConfig
from coding_agent.areno.verdict import KEY, Verdict, score, with_verdict
from coding_agent.events.schema import Done
from coding_agent.replay.sealed import replay_log
from coding_agent.rollout.scheduler import Outcome
from coding_agent.store.reader import read_events, verify
from tests.hostile.corpus import TASKS, Attempt, attempts
from tests.rollout.worlds import job, roll_out

CHEATS, FAIR = attempts("cheats"), attempts("fair")


def earned(corpus: Sequence[Attempt], folder: Path) -> dict[str, tuple[str, float]]:
    """Every attempt played as an episode of its own in the real sandbox: how it ended, and what it earned."""
    jobs = [job(each.policy, task=attrs.evolve(TASKS[each.task], id=each.name)) for each in corpus]
    outcomes = anyio.run(functools.partial(roll_out, folder, jobs, kind="bubblewrap", concurrency=2))
    return {outcome.task: worth(outcome) for outcome in outcomes}


def worth(outcome: Outcome) -> tuple[str, float]:
    """Scored as a trainer does it: by the reward hook, which finds the log in the sample's record."""
    events = read_events(outcome.path)
    assert replay_log(outcome.path).divergence is None
    assert isinstance(events[-1], Done)
    verdict = Verdict(log=str(outcome.path), head=verify(outcome.path).head, masked=False, neutral=-1.0)
    record = with_verdict({KEY: {"config": ArenoConfig().to_json()}}, verdict)
    return events[-1].reason, score(SimpleNamespace(source_record=record))


def test_no_cheat_earns_anything(tmp_path: Path) -> None:
    found = earned(CHEATS, tmp_path / "run")
    assert len(found) == len(CHEATS)
    assert {name: end for name, end in found.items() if end != ("submitted", 0.0)} == {}


def test_every_honest_solution_earns_everything(tmp_path: Path) -> None:
    found = earned(FAIR, tmp_path / "run")
    assert len(found) == len(FAIR)
    assert {name: end for name, end in found.items() if end != ("submitted", 1.0)} == {}


def test_the_corpora_are_as_large_as_promised() -> None:
    assert len(CHEATS) >= 40
    assert len(FAIR) >= 20
