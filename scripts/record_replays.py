"""Record the episodes of `replays/`: each a small story with a different ending, in the real sandbox.

Records what is not there yet; remove a log (and its `.expected.json`) to have it recorded again.
"""

from __future__ import annotations

import functools
import sys
import tempfile
from pathlib import Path

import anyio
import anyio.abc
import attrs

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from tests.rollout.worlds import Dying, play_jobs, roll_out  # noqa: E402
from tests.stories import CANCELLED, DYING, FEW_TOOLS, RESUMED, STORIES  # noqa: E402

from coding_agent.events.schema import Event, Label, ModelTurn, ToolCall  # noqa: E402
from coding_agent.policies.gold import GoldPolicy  # noqa: E402
from coding_agent.policies.repair import RepairPolicy  # noqa: E402
from coding_agent.replay.golden import record  # noqa: E402
from coding_agent.rollout.resume import plan  # noqa: E402
from coding_agent.rollout.scheduler import Job  # noqa: E402
from coding_agent.rollout.start import task_limits  # noqa: E402
from coding_agent.rollout.world import Stage  # noqa: E402
from coding_agent.store.reader import read_records  # noqa: E402
from coding_agent.store.rundir import RunDirectory  # noqa: E402
from coding_agent.store.writer import LogWriter  # noqa: E402
from coding_agent.tasks.load import load_task  # noqa: E402

KIND = "bubblewrap"


def stories() -> dict[str, Job]:
    """All of them, by file name."""
    task = load_task(ROOT / "tasks" / "interval-gap")
    found = {
        "ep123": Job(task=task, policy=RepairPolicy(), sample=0, limits=task_limits(task), seed=123),
        "gold": Job(task=task, policy=GoldPolicy(task.gold_patch), sample=0, limits=task_limits(task), seed=0),
    }
    return {**found, **STORIES}


async def play(name: str, story: Job, folder: Path) -> Path:
    """The log of one story, in a run directory."""
    if name in DYING:
        (outcome,) = await roll_out(folder, [story], backend=Dying())
        return outcome.path
    if name in CANCELLED:
        await _cancel(folder, story)
        return folder / "episodes" / "toy" / "0.0.jsonl"
    (outcome,) = await roll_out(folder, [story], kind=KIND, toolset="edit" if name in FEW_TOOLS else "default")
    if name in RESUMED:
        run = _kill(folder, outcome.path)
        await play_jobs(run, list(plan(run, [story]).jobs), kind=KIND)
        return outcome.path
    return _label(outcome.path) if name == "labelled" else outcome.path


async def _cancel(folder: Path, story: Job) -> None:
    def observe(_episode: str, _stage: Stage, event: Event | None) -> None:
        if isinstance(event, ToolCall) and event.tool == "run_command":
            scope.cancel()

    with anyio.CancelScope() as scope:
        await roll_out(folder, [story], kind=KIND, observer=observe)


def _kill(folder: Path, log: Path) -> RunDirectory:
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(lines[: len(lines) // 2]))
    (folder / "manifest.jsonl").write_bytes(b"")
    return RunDirectory.open(folder)


def _label(log: Path) -> Path:
    """The same log with what an expert would have done at each turn, as a labeller writes it while the episode runs."""
    target = log.with_name("labelled.jsonl")
    with LogWriter.create(target) as labelled:
        for record_ in read_records(log):
            labelled.append(record_.event, at=record_.at)
            if isinstance(turn := record_.event, ModelTurn):
                labelled.append(
                    Label(turn=turn.turn, labeller="expert 1", request_digest=turn.request_digest, content="I agree.",
                          calls=tuple(attrs.evolve(call, id="") for call in turn.calls))
                )  # fmt: skip
    return target


def main() -> None:
    """Record what is not there yet."""
    for name, story in stories().items():
        if (ROOT / "replays" / f"{name}.jsonl").exists():
            continue
        with tempfile.TemporaryDirectory() as folder:
            log = anyio.run(functools.partial(play, name, story, Path(folder) / "run"))
            target = record(log, ROOT / "replays", name)
        sys.stdout.write(f"{target.relative_to(ROOT)}\n")


if __name__ == "__main__":
    main()
