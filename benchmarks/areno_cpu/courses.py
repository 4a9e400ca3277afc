"""The smallest tasks with something to learn, and demonstrations by somebody who guesses.

Each task is one function of one line with the wrong expression. Demonstrations guess what it should be, by lot; which guess is
right is nowhere in them. Only the reward tells. There are two courses:

- `doubles`: the search-based `repair` policy looks, tests, reads, tries one of two mutants that it holds for equally
  likely, and the other if the test still fails: eight or ten turns. The task leaves six, which is time for one guess.
- `sums`: a scripted policy reads, puts in one of three operators, and submits without a test: three turns.

python -m benchmarks.areno_cpu.courses FOLDER [--course NAME] [--nouns N] [--samples N] [--seed N] [--sandbox KIND]

writes FOLDER/tasks and rolls them out into FOLDER/demonstrations.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import itertools
import json
import operator
import random
import sys
from collections.abc import Callable
from pathlib import Path

import anyio
import attrs

from coding_agent.policies.base import Policy, PolicyReply, PolicyRequest, RawCall
from coding_agent.policies.repair import RepairPolicy
from coding_agent.rollout.scheduler import Job, Outcome, Scheduler, episode_seed
from coding_agent.rollout.start import start_episode, task_limits
from coding_agent.rollout.world import Lanes, World
from coding_agent.sandbox.base import SandboxSpec
from coding_agent.sandbox.registry import make_backend
from coding_agent.store.rundir import RunDirectory
from coding_agent.tasks.load import find_tasks

NOUNS = ("apples", "books", "coins", "doors", "eggs", "flags", "goats", "hats")
FILE = "calc.py"
OPERATORS = ("+", "-", "*")
"""The first is right."""


@attrs.frozen
class Guesser:
    """Reads, guesses a sum, submits."""

    spec: str = "guesser"
    privileged: bool = False

    async def act(self, request: PolicyRequest) -> PolicyReply:
        sign = random.Random(request.seed).choice(OPERATORS)
        steps = (
            ("read_file", {"path": FILE}),
            ("replace_text", {"path": FILE, "old": SUMS.wrong, "new": f"left {sign} right"}),
            ("submit", {"status": "solved", "summary": "Done."}),
        )
        name, arguments = steps[min(request.turn, len(steps)) - 1]
        call = RawCall(id=f"call_{request.turn}", name=name, arguments=json.dumps(arguments))
        return PolicyReply(calls=(call,))


Inputs = tuple[tuple[int, int] | int, ...]


@attrs.frozen(kw_only=True)
class Course:
    """A kind of task, who demonstrates it, and what the model is given to learn it."""

    what: str
    of: str
    """What of what the function should return."""
    wrong: str
    right: str
    parameters: str
    returns: Callable[..., int]
    """The right function."""
    inputs: tuple[Inputs, ...]
    """What the tests call it with, from task to task."""
    function: str | None
    """Its name in every task; None: each task has its noun there. A model this small does not copy a name reliably."""
    policy: Policy
    toolset: str
    turns: int
    demonstrated_turns: int
    visible: bool
    """Whether the test stands in the repository."""
    context: int
    max_new_tokens: int
    imitation: int
    """Optimiser steps after which the model works the tools without fault."""
    steps: int
    """Of reinforcement, in which what can be learnt is learnt."""


SUMS = Course(
    what="sum", of="left and right", parameters="left, right", wrong="left % right", right="left + right", returns=operator.add,
    inputs=(((12, 4), (7, 2), (30, 9)),), function=None, policy=Guesser(), toolset="edit", turns=5, demonstrated_turns=5,
    visible=False, context=2048, max_new_tokens=64, imitation=320, steps=32,
)  # fmt: skip
DOUBLES = Course(
    what="double", of="value", parameters="value", wrong="value * value", right="value + value", returns=lambda value: value + value,
    inputs=((12, 7, 30), (9, 5, 21), (16, 3, 25), (10, 8, 40)), function="double", policy=RepairPolicy(), toolset="test", turns=6,
    demonstrated_turns=40, visible=True, context=4096, max_new_tokens=192, imitation=480, steps=24,
)  # fmt: skip
COURSES = {"doubles": DOUBLES, "sums": SUMS}

_TOML = """\
id = "{id}"
title = "{title} is wrong"
difficulty = 1
kind = "bug"
tags = ["arithmetic"]
licence = "Apache-2.0"
statement = "`{function}` in `{file}` should return the {what} of {of}."

[tests]
command = ["python", "-m", "pytest", "-q"]
FAIL_TO_PASS = ["tests/test_calc.py::test_{what}"]
PASS_TO_PASS = []

[limits]
turns = {turns}

[paths]
allowed = ["{file}"]
"""
_TEST = """\
import pytest
from calc import {function}


def test_{what}():
    assert [{function}({given}) for {given} in {inputs}] == {returned}
"""
_SOURCE = """\
def {function}({parameters}):
    return {wrong}
"""
_PATCH = """\
--- a/{file}
+++ b/{file}
@@ -1,2 +1,2 @@
 def {function}({parameters}):
-    return {wrong}
+    return {right}
"""


def write_tasks(folder: Path, course: Course, nouns: tuple[str, ...]) -> list[Path]:
    """One task per noun, each sound by `coding-agent tasks validate`."""
    inputs = itertools.cycle(course.inputs)
    return [_write(folder / f"{course.what}-of-{noun}", course, noun, next(inputs)) for noun in nouns]


def _write(folder: Path, course: Course, noun: str, inputs: Inputs) -> Path:
    known = attrs.asdict(course, recurse=False) | {
        "id": folder.name, "file": FILE, "function": course.function or noun, "inputs": inputs,
        "given": "a, b" if isinstance(inputs[0], tuple) else "a",
        "title": noun if course.function is None else f"the {course.what} of {noun}",
        "returned": [course.returns(*(each if isinstance(each, tuple) else (each,))) for each in inputs],
    }  # fmt: skip
    texts = {"task.toml": _TOML, f"repo/{FILE}": _SOURCE, "tests/test_calc.py": _TEST, "gold.patch": _PATCH}
    if course.visible:
        texts["repo/tests/test_calc.py"] = _TEST
    for name, text in texts.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text.format(**known))
    return folder


def demonstrate(
    tasks: Path, out: Path, course: Course, *, samples: int, seed: int, sandbox: str = "bubblewrap"
) -> list[Outcome]:
    """Roll the course's own policy out on every task, with the tools that the model will have."""
    run = RunDirectory.create(
        out, {"tasks": str(tasks), "policy": course.policy.spec, "samples": samples, "seed": seed}
    )
    backend = make_backend(sandbox)
    jobs = [
        Job(
            task=task, policy=course.policy, sample=sample, seed=episode_seed(seed, task.id, sample),
            limits=task_limits(task, max_turns=course.demonstrated_turns),
        )
        for task in find_tasks([tasks])
        for sample in range(samples)
    ]  # fmt: skip

    async def play() -> list[Outcome]:
        lanes = Lanes.of(models=8, sandboxes=8, graders=2)
        world = World(backend=backend, spec=SandboxSpec(), run=run, lanes=lanes, durability="none")
        begin = functools.partial(start_episode, backend=backend, toolset=course.toolset)
        scheduler = Scheduler(world=world, start=begin, concurrency=8, retries=1)
        with contextlib.closing(run.manifest()) as manifest:
            await scheduler.run(jobs, manifest)
        return list(scheduler.outcomes)

    return anyio.run(play)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.areno_cpu.courses", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--course", choices=COURSES, default="doubles")
    parser.add_argument("--nouns", type=int, default=4)
    parser.add_argument("--samples", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sandbox", default="bubblewrap")
    given = parser.parse_args(arguments)
    tasks, course = given.folder / "tasks", COURSES[given.course]
    write_tasks(tasks, course, NOUNS[: given.nouns])
    out = given.folder / "demonstrations"
    outcomes = demonstrate(tasks, out, course, samples=given.samples, seed=given.seed, sandbox=given.sandbox)
    print(f"{sum(outcome.passed is True for outcome in outcomes)} of {len(outcomes)} demonstrations are right")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
