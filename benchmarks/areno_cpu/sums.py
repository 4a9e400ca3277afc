"""The smallest tasks with something to learn, and demonstrations by somebody who does not know the answer.

Each task is one function with the wrong operator; its bug report says in words which one is wanted. A demonstration reads
the file, puts in one of four operators drawn at random, and submits. Who imitates that can work the tools and is right a
quarter of the time; which word means which operator is nowhere in the demonstrations. Only the reward tells.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

import attrs

from coding_agent.cli.running import Options, open_backend, play
from coding_agent.policies.base import PolicyReply, PolicyRequest, RawCall
from coding_agent.rollout.scheduler import Job, episode_seed
from coding_agent.rollout.start import task_limits
from coding_agent.store.rundir import RunDirectory
from coding_agent.tasks.load import find_tasks

OPERATORS = {"sum": "+", "difference": "-", "product": "*", "quotient": "//"}
NOUNS = ("apples", "books", "coins", "doors", "eggs", "flags", "goats", "hats")
FILE = "calc.py"
WRONG = "left % right"
TURNS = 5
"""A demonstration takes three."""

_TOML = """\
id = "{id}"
title = "{function} is wrong"
difficulty = 1
kind = "bug"
tags = ["arithmetic"]
licence = "Apache-2.0"
statement = "`{function}` in `{file}` should return the {word} of left and right."

[tests]
command = ["python", "-m", "pytest", "-q"]
FAIL_TO_PASS = ["tests/test_calc.py::test_it_is_the_{word}"]
PASS_TO_PASS = []

[limits]
turns = {turns}

[paths]
allowed = ["{file}"]
"""
_TEST = """\
import pytest
from calc import {function}


def test_it_is_the_{word}():
    assert [{function}(a, b) for a, b in ((12, 4), (7, 2), (30, 9))] == {values}
"""
_SOURCE = "def {function}(left, right):\n    return {expression}\n"
_PATCH = """\
--- a/{file}
+++ b/{file}
@@ -1,2 +1,2 @@
 def {function}(left, right):
-    return {wrong}
+    return left {operator} right
"""


def write_tasks(folder: Path, nouns: tuple[str, ...]) -> list[Path]:
    """One task per word and noun, validated by `coding-agent tasks validate` like any other."""
    return [_write(folder / f"{word}-of-{noun}", word, noun) for word in OPERATORS for noun in nouns]


def _write(folder: Path, word: str, noun: str) -> Path:
    operator = OPERATORS[word]
    values = [eval(f"{a} {operator} {b}") for a, b in ((12, 4), (7, 2), (30, 9))]
    known = {
        "id": folder.name, "function": noun, "word": word, "file": FILE, "turns": TURNS, "values": values,
        "operator": operator, "wrong": WRONG, "expression": WRONG,
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
        operator = random.Random(request.seed).choice(list(OPERATORS.values()))
        steps = (
            ("read_file", {"path": FILE}),
            ("replace_text", {"path": FILE, "old": WRONG, "new": f"left {operator} right"}),
            ("submit", {"status": "solved", "summary": "Done."}),
        )
        name, arguments = steps[min(request.turn, len(steps)) - 1]
        call = RawCall(id=f"call_{request.turn}", name=name, arguments=json.dumps(arguments))
        return PolicyReply(calls=(call,))


def demonstrate(tasks: Path, out: Path, *, samples: int, seed: int, sandbox: str = "bubblewrap") -> Iterator[Path]:
    """Roll out the guesser on every task; yields the logs."""
    options = Options(
        tasks=(str(tasks),), policy="guesser", n_samples=samples, concurrency=4, seed=seed, sandbox=sandbox,
        durability="none", retries=1,
    )  # fmt: skip
    jobs = [
        Job(
            task=task, policy=Guesser(), sample=sample, limits=task_limits(task, max_turns=None),
            seed=episode_seed(seed, task.id, sample),
        )
        for task in find_tasks(options.tasks)
        for sample in range(samples)
    ]  # fmt: skip
    run = RunDirectory.create(out, options.configuration())
    outcomes, _ = play(jobs, backend=open_backend(sandbox), run=run, options=options, quiet=True)
    yield from (outcome.path for outcome in outcomes)
