"""The same comparison on a real clock, in short: it shows that the virtual one told the truth."""

from __future__ import annotations

import asyncio
import functools
import importlib
import importlib.util
import json
import re
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio
import attrs

from benchmarks.latencies import RECORDED, Waits, barrier_s, draw_waits, jobs_of, move, slowest_s
from benchmarks.lockstep import roll_out_in_lockstep
from coding_agent.rollout.scheduler import Job, Scheduler
from coding_agent.rollout.start import start_episode
from coding_agent.rollout.world import Lanes, World
from coding_agent.sandbox.base import SandboxSpec
from coding_agent.sandbox.simulated import SimulatedBackend
from coding_agent.store.rundir import RunDirectory

SAMPLES = 16
SEED, SIGMA = 0, 1.0


@attrs.frozen(kw_only=True)
class RealRow:
    """One loop."""

    loop: str
    scale: float
    took_s: float
    virtual_s: float
    """What the virtual clock says, scaled."""

    def __str__(self) -> str:
        return f"real clock, waits x {self.scale:g}, {SAMPLES} samples, sigma {SIGMA:g}: {self.loop:11} {self.took_s:6.2f} s (virtual {self.virtual_s:.2f} s)"


def real_rows(scale: float) -> list[RealRow]:
    """Each loop once, one after the other."""
    waits = [tuple(wait * scale for wait in each) for each in draw_waits(SEED, SIGMA, SAMPLES, RECORDED)]
    with tempfile.TemporaryDirectory() as folder:
        loops = {
            "continuous": (functools.partial(_continuous, jobs_of(waits), Path(folder)), slowest_s(waits)),
            "lockstep": (functools.partial(_lockstep, jobs_of(waits)), barrier_s(waits)),
        }
        if importlib.util.find_spec("areno") is not None:
            loops["areno's own"] = (functools.partial(_areno, waits), barrier_s(waits))
        rows = []
        for name, (play, virtual_s) in loops.items():
            began = time.monotonic()
            anyio.run(play)
            rows.append(RealRow(loop=name, scale=scale, took_s=time.monotonic() - began, virtual_s=virtual_s))
    return rows


async def _continuous(jobs: list[Job], folder: Path) -> None:
    backend = SimulatedBackend()
    run = RunDirectory.create(folder / "run", {})
    lanes = Lanes.of(models=SAMPLES, sandboxes=SAMPLES, graders=SAMPLES)
    world = World(backend=backend, spec=SandboxSpec(), run=run, lanes=lanes)
    manifest = run.manifest()
    try:
        start = functools.partial(start_episode, backend=backend)
        await Scheduler(world=world, start=start, concurrency=SAMPLES).run(jobs, manifest)
    finally:
        manifest.close()


async def _lockstep(jobs: list[Job]) -> None:
    await roll_out_in_lockstep(jobs, SimulatedBackend(), slots=SAMPLES)


async def _areno(waits: list[Waits]) -> None:
    """AReno's loop, its workspaces and its tools, with a client that waits."""
    agent_loop = importlib.import_module("areno.agent.agent_loop")
    tools = importlib.import_module("areno.agent.tools")
    tasks = [
        {"id": str(index), "instruction": f"sample {index}.", "files": {"double.py": "x\n"}, "max_turns": 99}
        for index in range(len(waits))
    ]
    workspaces = [tools.CodingWorkspace.from_task(each) for each in tasks]
    items = [SimpleNamespace(record=each) for each in tasks]
    client = SimpleNamespace(chat=SimpleNamespace(completions=_Completions(waits)))
    try:
        loop = agent_loop._run_training_tasks_by_turn  # noqa: SLF001  it has no public name
        turns = await loop(client=client, items=items, workspaces=workspaces, model="")
    finally:
        for workspace in workspaces:
            workspace.close()
    if len(turns) != sum(map(len, waits)):
        raise SystemExit(f"areno's loop played {len(turns)} turns of {sum(map(len, waits))}")


@attrs.frozen
class _Completions:
    waits: list[Waits]

    async def create(self, *, messages: list[dict[str, Any]], **_: object) -> SimpleNamespace:
        found = re.search(r"sample (\d+)\.", messages[1]["content"])
        assert found is not None
        mine = self.waits[int(found[1])]
        turn = 1 + sum(message["role"] == "assistant" for message in messages)
        await asyncio.sleep(mine[turn - 1])
        name, arguments = move(turn, len(mine)) if turn == len(mine) else ("list_files", {"path": "."})
        function = SimpleNamespace(name=name, arguments=json.dumps(arguments))
        call = SimpleNamespace(id=f"call_{turn}", type="function", function=function)
        message = SimpleNamespace(content="", tool_calls=[call])
        areno = {"input_tokens": [1], "response_tokens": [1], "response_logprobs": [0.0]}
        return SimpleNamespace(choices=[SimpleNamespace(message=message)], areno=areno)
