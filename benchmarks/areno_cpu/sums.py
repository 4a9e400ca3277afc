"""The smallest tasks with something to learn, and demonstrations by somebody who guesses.

Each task is one function with the wrong operator. A demonstration reads the file, puts in one of three operators drawn at
random, and submits without a test. Who imitates that can work the tools and is right a third of the time at best; which
operator it is that works is nowhere in the demonstrations. Only the reward tells.

python -m benchmarks.areno_cpu.sums FOLDER [--nouns N] [--samples N] [--seed N] [--sandbox KIND]

writes FOLDER/tasks and rolls them out into FOLDER/demonstrations.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import json
import random
import sys
from pathlib import Path

import anyio
import attrs

from coding_agent.policies.base import PolicyReply, PolicyRequest, RawCall
from coding_agent.rollout.scheduler import Job, Outcome, Scheduler, episode_seed
from coding_agent.rollout.start import start_episode, task_limits
from coding_agent.rollout.world import Lanes, World
from coding_agent.sandbox.base import SandboxSpec
from coding_agent.sandbox.registry import make_backend
from coding_agent.store.rundir import RunDirectory
from coding_agent.tasks.load import find_tasks

OPERATORS = ("+", "-", "*")
"""The first is right."""
NOUNS = ("apples", "books", "coins", "doors", "eggs", "flags", "goats", "hats")
FILE = "calc.py"
WRONG = "left % right"
TOOLSET = "edit"
TURNS = 5
"""A demonstration takes three."""

_TOML = """\
id = "{id}"
title = "{function} is wrong"
difficulty = 1
kind = "bug"
tags = ["arithmetic"]
licence = "Apache-2.0"
statement = "`{function}` in `{file}` should return the sum of left and right."

[tests]
command = ["python", "-m", "pytest", "-q"]
FAIL_TO_PASS = ["tests/test_calc.py::test_it_is_the_sum"]
PASS_TO_PASS = []

[limits]
turns = {turns}

[paths]
allowed = ["{file}"]
"""
_TEST = """\
import pytest
from calc import {function}


def test_it_is_the_sum():
    assert [{function}(a, b) for a, b in ((12, 4), (7, 2), (30, 9))] == [16, 9, 39]
"""
_SOURCE = """\
def {function}(left, right):
    return {wrong}
"""
_PATCH = """\
--- a/{file}
+++ b/{file}
@@ -1,2 +1,2 @@
 def {function}(left, right):
-    return {wrong}
+    return left {operator} right
"""


def write_tasks(folder: Path, nouns: tuple[str, ...]) -> list[Path]:
    """One task per noun, each sound by `coding-agent tasks validate`."""
    return [_write(folder / f"sum-of-{noun}", noun) for noun in nouns]


def _write(folder: Path, noun: str) -> Path:
    known = {
        "id": folder.name, "function": noun, "file": FILE, "turns": TURNS, "operator": OPERATORS[0], "wrong": WRONG,
    }  # fmt: skip
    for name, text in {
        "task.toml": _TOML,
        f"repo/{FILE}": _SOURCE,
        "tests/test_calc.py": _TEST,
        "gold.patch": _PATCH,
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text.format(**known))
    return folder


@attrs.frozen
class Guesser:
    """Reads, guesses, submits."""

    spec: str = "guesser"
    privileged: bool = False

    async def act(self, request: PolicyRequest) -> PolicyReply:
        operator = random.Random(request.seed).choice(OPERATORS)
        steps = (
            ("read_file", {"path": FILE}),
            ("replace_text", {"path": FILE, "old": WRONG, "new": f"left {operator} right"}),
            ("submit", {"status": "solved", "summary": "Done."}),
        )
        name, arguments = steps[min(request.turn, len(steps)) - 1]
        call = RawCall(id=f"call_{request.turn}", name=name, arguments=json.dumps(arguments))
        return PolicyReply(calls=(call,))


def demonstrate(tasks: Path, out: Path, *, samples: int, seed: int, sandbox: str = "bubblewrap") -> list[Outcome]:
    """Roll the guesser out on every task, with the tools that the model will have."""
    run = RunDirectory.create(out, {"tasks": str(tasks), "policy": "guesser", "samples": samples, "seed": seed})
    backend = make_backend(sandbox)
    jobs = [
        Job(
            task=task, policy=Guesser(), sample=sample, limits=task_limits(task, max_turns=None),
            seed=episode_seed(seed, task.id, sample),
        )
        for task in find_tasks([tasks])
        for sample in range(samples)
    ]  # fmt: skip

    async def play() -> list[Outcome]:
        lanes = Lanes.of(models=8, sandboxes=8, graders=2)
        world = World(backend=backend, spec=SandboxSpec(), run=run, lanes=lanes, durability="none")
        begin = functools.partial(start_episode, backend=backend, toolset=TOOLSET)
        scheduler = Scheduler(world=world, start=begin, concurrency=8, retries=1)
        with contextlib.closing(run.manifest()) as manifest:
            await scheduler.run(jobs, manifest)
        return list(scheduler.outcomes)

    return anyio.run(play)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.areno_cpu.sums", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--nouns", type=int, default=4)
    parser.add_argument("--samples", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sandbox", default="bubblewrap")
    given = parser.parse_args(arguments)
    tasks = given.folder / "tasks"
    write_tasks(tasks, NOUNS[: given.nouns])
    out = given.folder / "demonstrations"
    outcomes = demonstrate(tasks, out, samples=given.samples, seed=given.seed, sandbox=given.sandbox)
    print(f"{sum(outcome.passed is True for outcome in outcomes)} of {len(outcomes)} demonstrations are right")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
