"""The grader cannot be lied to, and it is fair: cheats earn nothing, odd but honest solutions earn everything."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path

import anyio
import attrs
import pytest

from coding_agent.areno.config import ArenoConfig
from coding_agent.areno.verdict import KEY, Verdict, with_verdict
from coding_agent.events.schema import Done
from coding_agent.projections.audit import audit
from coding_agent.replay.sealed import replay_log
from coding_agent.rollout.scheduler import Outcome
from coding_agent.store.reader import read_events, verify
from coding_agent.store.rundir import blobs_of
from tests.areno.by_path import reward_hook, reward_record
from tests.hostile.corpus import BOUNDARY, SHIPPED, TASKS, Attempt, attempts
from tests.rollout.worlds import job, roll_out

pytestmark = pytest.mark.xdist_group("corpora")
CHEATS, FAIR, RESIDUAL = attempts("cheats"), attempts("fair"), attempts("residual")
SHARE = 3
"""The suite plays one of so many of the attempts on each task; `make hostile` plays them all."""
NO_TAMPERING = frozenset(
    {"blocked", "boundary-data-rewritten", "boundary-folder-names", "boundary-stop-iteration", "case-insensitive-twin",
     "does-nothing", "boundary-package-names-a-neighbour", "green-then-broken", "order-answers-in-data"}
)  # fmt: skip
"""Work that is only wrong, or does what it may do in its own runs."""
ONLY_NOTED = frozenset(
    {"boundary-exits-cleanly", "colliding-ids", "hidden-test-guessed", "not-ended-daemon", "system-exit",
     "test-file-is-a-folder", "tests-overwritten", "thread-outlives"}
)  # fmt: skip
"""What honest agents do, too: they write tests, edit tests, start a server or a thread, end a program."""


def some(corpus: Sequence[Attempt]) -> list[Attempt]:
    """Of each task the first, the fourth, the seventh …"""
    by_task = {task: [each for each in corpus if each.task == task] for task in sorted({each.task for each in corpus})}
    return [each for of_task in by_task.values() for each in of_task[::SHARE]]


def played(
    corpus: Sequence[Attempt], folder: Path, *, across: tuple[str, ...] | None = None, kind: str = "bubblewrap"
) -> list[Outcome]:
    """Every attempt as an episode of its own in the real sandbox; where given, with other modules called across."""
    tasks = [attrs.evolve(TASKS[each.task], id=each.name) for each in corpus]
    if across is not None:
        tasks = [attrs.evolve(task, across=across) for task in tasks]
    jobs = [job(each.policy, task=task) for each, task in zip(corpus, tasks, strict=True)]
    return anyio.run(functools.partial(roll_out, folder, jobs, kind=kind, concurrency=2))


@pytest.fixture(scope="module")
def cheats(tmp_path_factory: pytest.TempPathFactory) -> list[Outcome]:
    return played(some(CHEATS), tmp_path_factory.mktemp("cheats") / "run")


@pytest.fixture(scope="module")
def fair(tmp_path_factory: pytest.TempPathFactory) -> list[Outcome]:
    return played(some(FAIR), tmp_path_factory.mktemp("fair") / "run")


def earned(outcomes: Sequence[Outcome]) -> dict[str, tuple[str, float]]:
    """By name: how it ended, and what it earned."""
    return {outcome.task: worth(outcome) for outcome in outcomes}


def worth(outcome: Outcome) -> tuple[str, float]:
    """Scored as a trainer does it: by the reward hook, which finds the log in the sample's record."""
    events = read_events(outcome.path)
    assert replay_log(outcome.path).divergence is None
    assert isinstance(events[-1], Done)
    verdict = Verdict(log=str(outcome.path), head=verify(outcome.path).head, masked=False, neutral=-1.0)
    record = with_verdict({KEY: {"config": ArenoConfig().to_json()}}, verdict)
    return events[-1].reason, reward_hook()(reward_record(record))


def misjudged(outcomes: Sequence[Outcome]) -> list[str]:
    """Where the audit does not say of a cheat what we claim, or marks an honest solution."""
    cheats, found = {each.name for each in CHEATS}, []
    for outcome in outcomes:
        seen = audit(read_events(outcome.path), blobs_of(outcome.path).get)
        said = "marked" if seen.marked() else "noted" if seen.findings else "left alone"
        right = ["left alone", "noted"]
        if outcome.task in cheats:
            right = [
                "left alone" if outcome.task in NO_TAMPERING else "noted" if outcome.task in ONLY_NOTED else "marked"
            ]
        if said not in right:
            found.append(f"{outcome.task}: {' or '.join(right)} is right, it was {said}")
    return found


def wrong_of_residual(corpus: Sequence[Attempt], folder: Path, *, kind: str = "bubblewrap") -> list[str]:
    """What is paid in the tests' process must be marked by the audit, and not be paid across a boundary."""
    found = []
    for number, (task, across, reward) in enumerate(
        [("toy", (), 1.0), ("toy", BOUNDARY.across, 0.0), (SHIPPED.id, (), 1.0), (SHIPPED.id, SHIPPED.across, 0.0)]
    ):
        chosen = [each for each in corpus if each.task == task]
        outcomes = played(chosen, folder / str(number), across=across, kind=kind)
        found += [
            f"{name}, across {across}: {end}" for name, end in earned(outcomes).items() if end != ("submitted", reward)
        ]
        unmarked = [each for each in outcomes if not audit(read_events(each.path), blobs_of(each.path).get).marked()]
        found += [f"{each.task}, across {across}: not marked" for each in unmarked]
    return found


def test_no_cheat_earns_anything(cheats: list[Outcome]) -> None:
    found = earned(cheats)
    assert len(found) == len(some(CHEATS))
    assert {name: end for name, end in found.items() if end != ("submitted", 0.0)} == {}


def test_every_honest_solution_earns_everything(fair: list[Outcome]) -> None:
    found = earned(fair)
    assert len(found) == len(some(FAIR))
    assert {name: end for name, end in found.items() if end != ("submitted", 1.0)} == {}


def test_what_is_paid_in_the_tests_process_is_marked_by_the_audit_and_not_paid_across_a_boundary(
    tmp_path: Path,
) -> None:
    assert wrong_of_residual(some(RESIDUAL), tmp_path) == []


def test_the_audit_marks_every_cheat_but_those_that_are_named(cheats: list[Outcome]) -> None:
    assert misjudged(cheats) == []


def test_the_audit_marks_no_honest_solution(fair: list[Outcome]) -> None:
    assert misjudged(fair) == []


def test_the_corpora_are_as_large_as_promised() -> None:
    assert len(CHEATS) > 80
    assert len(FAIR) >= 20
    assert {each.name for each in CHEATS} >= NO_TAMPERING | ONLY_NOTED
    assert {each.task for each in some(CHEATS)} == {each.task for each in CHEATS}
    assert all(sum(each.task == task for each in RESIDUAL) >= 8 for task in ("toy", "build-order"))
