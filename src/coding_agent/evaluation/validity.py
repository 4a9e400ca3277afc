"""Whether a task is sound, measured: its tests against what it declares of them, and what each kind of work earns."""

from __future__ import annotations

import functools
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import attrs

from coding_agent.events.schema import Done, TestRun
from coding_agent.events.verdict import grade_of, passed
from coding_agent.policies.base import Policy, PolicyReply, RawCall
from coding_agent.policies.gold import GoldPolicy
from coding_agent.policies.scripted import ScriptedPolicy
from coding_agent.projections.patch import patch
from coding_agent.projections.reward import reward
from coding_agent.rollout.grade import grade_tree
from coding_agent.rollout.scheduler import Job, Scheduler
from coding_agent.rollout.start import start_episode, task_limits
from coding_agent.rollout.workspace import base_tree
from coding_agent.rollout.world import Lanes, World
from coding_agent.sandbox.base import SandboxBackend, SandboxSpec
from coding_agent.store.reader import read_events
from coding_agent.store.rundir import RunDirectory, blobs_of
from coding_agent.tasks.spec import TaskSpec

TRIES = 3
_CALLS = (("apply_patch", '{"patch": ""}'), ("submit", '{"status": "solved", "summary": "Nothing was changed."}'))
EMPTY = ScriptedPolicy(
    tuple(PolicyReply(content=None, calls=(RawCall(id=tool, name=tool, arguments=raw),)) for tool, raw in _CALLS),
    "scripted:empty patch",
)
"""Applies a patch without a change and says that this solves the task."""


@attrs.frozen(kw_only=True)
class Validity:
    """What validation found. `problems` empty: the task is sound."""

    id: str
    earned: dict[str, float | None]
    """The default reward of `untouched`, `empty` and `gold`, the most of all tries; None: an episode was masked."""
    problems: tuple[str, ...]


@attrs.frozen(kw_only=True)
class _Episode:
    ended_by: str
    why: str
    earned: float | None
    patch: str
    grade: TestRun | None


async def validate_task(task: TaskSpec, backend: SandboxBackend, *, tries: int = TRIES) -> Validity:
    """Grade the task untouched, after an empty patch and after its own, and compare. Raises SandboxError."""
    spec, test_s = SandboxSpec(), task.limits.test_s
    untouched = [
        await grade_tree(task, base_tree(task.files), backend=backend, spec=spec, test_s=test_s) for _ in range(tries)
    ]
    empty = await _play(task, EMPTY, backend, samples=1)
    gold = await _play(task, GoldPolicy(task.gold_patch), backend, samples=tries)
    return Validity(
        id=task.id,
        earned={
            "untouched": max(float(passed(run)) for run in untouched),
            "empty": _most(empty),
            "gold": _most(gold),
        },
        problems=(*_of_untouched(task, untouched), *_of_empty(empty), *_of_gold(gold)),
    )


async def _play(task: TaskSpec, policy: Policy, backend: SandboxBackend, *, samples: int) -> list[_Episode]:
    """Whole episodes, so that what is measured is what any policy's work meets."""
    with tempfile.TemporaryDirectory(prefix="coding-agent-validate-") as folder:
        run = RunDirectory.create(Path(folder), {})
        lanes = Lanes.of(models=1, sandboxes=1, graders=1)
        world = World(backend=backend, spec=SandboxSpec(), run=run, lanes=lanes, durability="none")
        jobs = [Job(task=task, policy=policy, sample=n, limits=task_limits(task), seed=0) for n in range(samples)]
        manifest = run.manifest()
        try:
            start = functools.partial(start_episode, backend=backend)
            outcomes = await Scheduler(world=world, start=start, concurrency=1).run(jobs, manifest)
        finally:
            manifest.close()
        return [_read(outcome.path) for outcome in outcomes]


def _read(log: Path) -> _Episode:
    events, blobs = read_events(log), blobs_of(log).get
    last, score = events[-1], reward(events, blobs)
    return _Episode(
        ended_by=last.reason if isinstance(last, Done) else "",
        why=score.explanation,
        earned=score.value,
        patch=patch(events, blobs),
        grade=grade_of(events),
    )


def _most(episodes: Sequence[_Episode]) -> float | None:
    values = [each.earned for each in episodes]
    return None if None in values else max(value for value in values if value is not None)


def _of_untouched(task: TaskSpec, runs: Sequence[TestRun]) -> Iterator[str]:
    yield from _unsteady("untouched", runs)
    outcomes = runs[0].outcomes
    for test in task.fail_to_pass:
        if outcomes.get(test) == "passed":
            yield f"untouched: {test} must fail, it passed"
    for test in task.pass_to_pass:
        if outcomes.get(test) != "passed":
            yield f"untouched: {test} must pass, it was {outcomes.get(test, 'not run')}"
    if any(map(passed, runs)):
        yield "untouched: it must score 0, it scored 1"


def _of_empty(episodes: Sequence[_Episode]) -> Iterator[str]:
    for each in episodes:
        if each.patch:
            yield "empty patch: the files must be as they were, they were changed"
        if each.earned != 0.0:
            scored = "has no score" if each.earned is None else f"scored {each.earned:g}"
            yield f"empty patch: it must score 0, it {scored} ({each.why})"


def _of_gold(episodes: Sequence[_Episode]) -> Iterator[str]:
    runs = [each.grade for each in episodes if each.grade is not None]
    if others := sorted({each.why for each in episodes if each.grade is None or each.ended_by != "submitted"}):
        yield f"gold: the gold patch could not be applied, submitted and graded ({'; '.join(others)})"
    if not runs:
        return
    yield from _unsteady("gold", runs)
    first = runs[0]
    missing = [test for test in first.expected if first.outcomes.get(test) != "passed"]
    for test in missing:
        yield f"gold: {test} must pass, it was {first.outcomes.get(test, 'not run')}{_why(test, first)}"
    for what in first.tampering:
        yield f"gold: {what}"
    if not missing and not passed(first):
        yield f"gold: the run did not come to its own end (exit status {first.exit_status})"


def _why(test: str, run: TestRun) -> str:
    """The failure of the test, or of its file, which could not be imported."""
    file = test.partition("::")[0]
    for failure in run.failures:
        if failure.test in {test, file}:
            return f" ({failure.exception}: {failure.message})"
    return ""


def _unsteady(name: str, runs: Sequence[TestRun]) -> Iterator[str]:
    if any(run.outcomes != runs[0].outcomes or run.tree != runs[0].tree for run in runs):
        yield f"{name}: {len(runs)} runs did not come out the same"
