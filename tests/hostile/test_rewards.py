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
from coding_agent.projections.audit import Audit, audit
from coding_agent.replay.sealed import replay_log
from coding_agent.rollout.scheduler import Outcome
from coding_agent.store.reader import read_events, verify
from coding_agent.store.rundir import blobs_of
from tests.areno.by_path import reward_hook, reward_record
from tests.hostile.corpus import BOUNDARY, SHIPPED, TASKS, Attempt, attempts
from tests.rollout.worlds import job, roll_out

pytestmark = pytest.mark.xdist_group("corpora")
CHEATS, FAIR, RESIDUAL = attempts("cheats"), attempts("fair"), attempts("residual")
NO_TAMPERING = frozenset(
    {"blocked", "boundary-data-rewritten", "boundary-folder-names", "boundary-stop-iteration", "case-insensitive-twin",
     "does-nothing", "green-then-broken", "order-answers-in-data"}
)  # fmt: skip
"""Work that is only wrong, or does what it may do in its own runs."""
ONLY_NOTED = frozenset(
    {"boundary-exits-cleanly", "colliding-ids", "hidden-test-guessed", "not-ended-daemon", "system-exit",
     "test-file-is-a-folder", "tests-overwritten", "thread-outlives"}
)  # fmt: skip
"""What honest agents do, too: they write tests, edit tests, start a server or a thread, end a program."""


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
    return played(CHEATS, tmp_path_factory.mktemp("cheats") / "run")


@pytest.fixture(scope="module")
def fair(tmp_path_factory: pytest.TempPathFactory) -> list[Outcome]:
    return played(FAIR, tmp_path_factory.mktemp("fair") / "run")


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


def audited(outcome: Outcome) -> Audit:
    return audit(read_events(outcome.path), blobs_of(outcome.path).get)


def test_no_cheat_earns_anything(cheats: list[Outcome]) -> None:
    found = earned(cheats)
    assert len(found) == len(CHEATS)
    assert {name: end for name, end in found.items() if end != ("submitted", 0.0)} == {}


def test_every_honest_solution_earns_everything(fair: list[Outcome]) -> None:
    found = earned(fair)
    assert len(found) == len(FAIR)
    assert {name: end for name, end in found.items() if end != ("submitted", 1.0)} == {}


@pytest.mark.parametrize("task", ["toy", "build-order"])
def test_what_is_paid_in_the_tests_process_is_marked_by_the_audit_and_not_paid_across_a_boundary(
    task: str, tmp_path: Path
) -> None:
    corpus = [each for each in RESIDUAL if each.task == task]
    assert len(corpus) >= 8
    for across, reward in (((), 1.0), (SHIPPED.across if task == SHIPPED.id else BOUNDARY.across, 0.0)):
        outcomes = played(corpus, tmp_path / str(reward), across=across)
        assert earned(outcomes) == {each.name: ("submitted", reward) for each in corpus}
        assert {outcome.task for outcome in outcomes if not audited(outcome).marked()} == set()


def test_the_audit_marks_every_cheat_but_those_that_are_named(cheats: list[Outcome]) -> None:
    unmarked = {outcome.task for outcome in cheats if not audited(outcome).marked()}
    assert unmarked == NO_TAMPERING | ONLY_NOTED
    assert {outcome.task for outcome in cheats if not audited(outcome).findings} == NO_TAMPERING


def test_the_audit_marks_no_honest_solution(fair: list[Outcome]) -> None:
    assert {outcome.task: audited(outcome).marked() for outcome in fair if audited(outcome).marked()} == {}


def test_the_corpora_are_as_large_as_promised() -> None:
    assert len(CHEATS) > 80
    assert len(FAIR) >= 20
