"""Episodes whose model takes its time: how many turns, how long each reply, drawn from a seed before anything runs."""

from __future__ import annotations

import json
import math
import random

import anyio
import attrs
from tests.simulation.worlds import PATIENT, task

from coding_agent.events.values import Usage
from coding_agent.policies.base import PolicyReply, PolicyRequest, RawCall
from coding_agent.rollout.scheduler import Job, episode_seed

Waits = tuple[float, ...]
"""Seconds of each reply of one episode."""
MEDIAN_S = 2.0
SAMPLES_PER_TASK = 8
RECORDED = (7, 8, 10, 12, 12, 12, 12, 13, 13, 15, 17, 20, 32, 34, 34)
"""Turns of each episode of `coding-agent rollout tasks --policy repair --json`, sorted.

How to take them anew: the `turns` of that document's `episodes`. The repairer's own turns are those of its task and seed
alone, so that they change only with the tasks, the repairer or the tools.
"""
EIGHT = (8,)
MOVES: tuple[tuple[str, dict[str, str]], ...] = (
    ("list_files", {}),
    ("read_file", {"path": "double.py"}),
    ("run_tests", {}),
    ("replace_text", {"path": "double.py", "old": "x", "new": "x"}),
    ("write_file", {"path": "notes.md", "content": "Not yet.\n"}),
)
"""What is done before the end, in turn; each is answered at once by a simulated sandbox."""


@attrs.frozen(kw_only=True)
class Waiting:
    """A policy that answers turn t after `waits_s[t - 1]` seconds, and submits with the last one."""

    waits_s: tuple[float, ...]
    spec: str = "waiting"
    privileged: bool = False

    async def act(self, request: PolicyRequest) -> PolicyReply:
        await anyio.sleep(self.waits_s[request.turn - 1])
        name, arguments = move(request.turn, len(self.waits_s))
        call = RawCall(id=f"call_{request.turn}", name=name, arguments=json.dumps(arguments))
        return PolicyReply(content=f"Turn {request.turn}.", calls=(call,), usage=Usage(completion_tokens=20))


def move(turn: int, turns: int) -> tuple[str, dict[str, str]]:
    """What is called at a turn of an episode of so many."""
    if turn == turns:
        return "submit", {"status": "solved", "summary": "The end."}
    return MOVES[(turn - 1) % len(MOVES)]


def draw_waits(seed: int, sigma: float, samples: int, turns: tuple[int, ...]) -> list[Waits]:
    """One per sample. The same seed draws the same deviates for every sigma."""
    drawn = []
    for index in range(samples):
        draws = random.Random(f"rollout schedule {seed}/{index}")
        count = draws.choice(turns)
        drawn.append(tuple(MEDIAN_S * math.exp(sigma * draws.gauss(0.0, 1.0)) for _ in range(count)))
    return drawn


def jobs_of(waits: list[Waits]) -> list[Job]:
    """One job per sample; eight samples share a task."""
    jobs = []
    for index, each in enumerate(waits):
        number, sample = divmod(index, SAMPLES_PER_TASK)
        chosen, limits = task(number), attrs.evolve(PATIENT, turns=max(map(len, waits)))
        seed = episode_seed(0, chosen.id, sample)
        jobs.append(Job(task=chosen, policy=Waiting(waits_s=each), sample=sample, limits=limits, seed=seed))
    return jobs


def barrier_s(waits: list[Waits]) -> float:
    """The sum over turns of the slowest reply, when every sample has a model slot."""
    return sum(max(each[turn] for each in waits if turn < len(each)) for turn in range(max(map(len, waits))))


def slowest_s(waits: list[Waits]) -> float:
    return max(map(sum, waits))
