"""What a whole episode costs in the harness, beside the bare pytest processes that its work can not do without.

    python -m benchmarks.episode [--rounds N] [--sandbox KIND …] [--at-once N …] [--json]

The episode is scripted, so that no model's time is in it: list, read, search, run the tests, patch, run them again, submit;
then it is graded. Beside it: the three pytest runs that its log tells of, each as a bare subprocess with the same arguments
over the same files, which are on the disk already, and without the plugins that this environment has. The harness makes two sandboxes, fills two workspaces, takes the
digest of the tree after each call, and writes each event to a log under group commit.

Each round plays every row once, one after the other, and *times* is the median of the rounds' own ratios: what else
the machine does hits both alike. `cpu` is what a control group counts of this process and all that it starts: nobody
waits for the processes of a sandbox that is closed, so `getrusage` misses them. Where none can be made, it is left out.
"""

from __future__ import annotations

import argparse
import contextlib
import functools
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import anyio
import attrs
import orjson

from coding_agent.events.schema import TestRun
from coding_agent.policies.base import PolicyReply, RawCall
from coding_agent.policies.scripted import ScriptedPolicy
from coding_agent.rollout.scheduler import Job, Outcome, Scheduler
from coding_agent.rollout.start import start_episode, task_limits
from coding_agent.rollout.submission import submission
from coding_agent.rollout.workspace import Tree, base_tree, recorded_changes, replay_changes
from coding_agent.rollout.world import Lanes, World
from coding_agent.sandbox.base import SandboxBackend, SandboxSpec
from coding_agent.sandbox.registry import make_backend
from coding_agent.store.reader import read_events
from coding_agent.store.rundir import RunDirectory, blobs_of
from coding_agent.tasks.load import find_tasks
from coding_agent.tasks.spec import TaskSpec

TASK = Path(__file__).parent.parent / "tasks" / "interval-gap"
TURNS, TEST_RUNS = 7, 3
Timed = tuple[float, float]
"""Seconds by the clock, and of processors."""
Processor = Callable[[], float]
"""Says how many seconds of processors were used so far."""


@attrs.frozen(kw_only=True)
class BareRun:
    """One test run of an episode, without the harness."""

    command: tuple[str, ...]
    folder: Path
    exit_status: int
    """Tests fail before the patch, and only then."""


@attrs.frozen(kw_only=True)
class Row:
    """`work` plays so many episodes, or what stands for them; `than` is the row that it is held against."""

    name: str
    work: Callable[[], object]
    episodes: int
    than: str | None = None


def script(task: TaskSpec) -> ScriptedPolicy:
    """The turns of somebody who looks around, sees the tests fail, and knows the answer."""
    turns: list[tuple[str, dict[str, str]]] = [
        ("list_files", {"path": "."}),
        ("read_file", {"path": "calendar_slots/free.py"}),
        ("search", {"pattern": "minimum"}),
        ("run_tests", {}),
        ("apply_patch", {"patch": task.gold_patch}),
        ("run_tests", {}),
        ("submit", {"status": "solved", "summary": "A gap of exactly the minimum is a slot, too."}),
    ]
    calls = [RawCall(id=f"call_{n}", name=name, arguments=json.dumps(each)) for n, (name, each) in enumerate(turns)]
    return ScriptedPolicy(tuple(PolicyReply(content=None, calls=(call,)) for call in calls), "scripted:episode")


def play(task: TaskSpec, backend: SandboxBackend, folder: Path, *, episodes: int = 1) -> list[Outcome]:
    """So many episodes at once, in a run directory of their own. Raises SystemExit unless each is solved."""
    outcomes = anyio.run(_play, task, backend, RunDirectory.create(folder, {}), episodes)
    for each in outcomes:
        if not each.passed or each.turns != TURNS:
            raise SystemExit(f"{each.path}: expected {TURNS} turns and a pass, found {each.turns}: {each.reason}")
    return outcomes


async def _play(task: TaskSpec, backend: SandboxBackend, run: RunDirectory, episodes: int) -> list[Outcome]:
    limits, policy = task_limits(task, max_turns=None), script(task)
    jobs = [Job(task=task, policy=policy, sample=number, limits=limits, seed=0) for number in range(episodes)]
    lanes = Lanes.of(models=episodes, sandboxes=episodes, graders=episodes)
    world = World(backend=backend, spec=SandboxSpec(), run=run, lanes=lanes)
    start, manifest = functools.partial(start_episode, backend=backend), run.manifest()
    try:
        return await Scheduler(world=world, start=start, concurrency=episodes, retries=0).run(jobs, manifest)
    finally:
        manifest.close()


def bare_runs(task: TaskSpec, log: Path, folder: Path) -> list[BareRun]:
    """The test runs that a log tells of, and the files of each below `folder`."""
    events = read_events(log)
    before = base_tree(task.files)
    after = replay_changes(before, recorded_changes(events), blobs_of(log).get)
    graded = submission(task, after).tree
    runs = [event for event in events if isinstance(event, TestRun)]
    if [run.purpose for run in runs] != ["agent", "agent", "grade"]:
        raise SystemExit(f"{log}: expected {TEST_RUNS} test runs, the last one the grade")
    return [
        BareRun(command=(sys.executable, *run.command[1:]), folder=_written(tree, folder / name), exit_status=status)
        for run, tree, name, status in zip(
            runs, (before, after, graded), ("before", "after", "graded"), (1, 0, 0), strict=True
        )
    ]


def _written(tree: Tree, folder: Path) -> Path:
    for path, node in tree.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_bytes(node.data)
    return folder


def run_bare(runs: Sequence[BareRun]) -> None:
    """One after the other, without plugins: they would cost more than pytest itself. Raises SystemExit for one that ends otherwise than it should."""
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    for run in runs:
        done = subprocess.run(run.command, cwd=run.folder, env=environment, capture_output=True, check=False)
        if done.returncode != run.exit_status:
            raise SystemExit(f"{run.folder}: pytest exited with {done.returncode}, expected {run.exit_status}")


def run_bare_at_once(runs: Sequence[BareRun], times: int) -> None:
    """As many such sequences as episodes, side by side."""
    with ThreadPoolExecutor(times) as pool:
        list(pool.map(run_bare, [runs] * times))


def rows(folder: Path, sandboxes: Sequence[str], at_once: Sequence[int]) -> list[Row]:
    """Bare pytest, then the episode in each kind of sandbox, for each number of episodes at once."""
    (task,) = find_tasks([str(TASK)])
    backends = {kind: make_backend(kind) for kind in sandboxes}
    fresh = (folder / f"run-{number}" for number in itertools.count())
    first = next(iter(backends.values()))
    (sample,) = play(task, first, next(fresh))
    runs = bare_runs(task, sample.path, folder)
    found: list[Row] = []
    for count in at_once:
        name = f"{TEST_RUNS} bare pytest processes, {count} at once"
        found.append(Row(name=name, work=functools.partial(run_bare_at_once, runs, count), episodes=count))
        for kind, backend in backends.items():

            def work(backend: SandboxBackend = backend, count: int = count) -> None:
                play(task, backend, next(fresh), episodes=count)

            found.append(Row(name=f"episode, {kind}, {count} at once", work=work, episodes=count, than=name))
    return found


@contextlib.contextmanager
def counted() -> Iterator[Processor | None]:
    """This process in a control group of its own, and what it says; None where none can be made."""
    mounts = [line.split() for line in Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()]
    groups = Path("/proc/self/cgroup").read_text(encoding="utf-8").splitlines()
    mounted = next((Path(each[1]) for each in mounts if each[2] == "cgroup2"), None)
    mine = next((line.removeprefix("0::/") for line in groups if line.startswith("0::/")), None)
    if mounted is None or mine is None:
        yield None
        return
    before = mounted / mine
    group = before / f"coding-agent-benchmark-{os.getpid()}"
    try:
        group.mkdir()
        (group / "cgroup.procs").write_text(str(os.getpid()), encoding="utf-8")
    except OSError:
        yield None
        return
    try:
        yield lambda: int((group / "cpu.stat").read_text(encoding="utf-8").split()[1]) / 1e6
    finally:
        with contextlib.suppress(OSError):
            (before / "cgroup.procs").write_text(str(os.getpid()), encoding="utf-8")
            group.rmdir()


def measure(table: Sequence[Row], rounds: int, processor: Processor) -> dict[str, list[Timed]]:
    """Seconds per episode, of each round of each row. The first round warms up and is not counted."""
    seconds: dict[str, list[Timed]] = {row.name: [] for row in table}
    for number in range(rounds + 1):
        for row in table:
            began, busy = time.perf_counter(), processor()
            row.work()
            took = (time.perf_counter() - began) / row.episodes, (processor() - busy) / row.episodes
            if number:
                seconds[row.name].append(took)
    return seconds


def summed_up(table: Sequence[Row], seconds: dict[str, list[Timed]]) -> list[dict[str, object]]:
    """Per episode: medians and spread; against the other row, round by round. No `cpu_ms` where it was not counted."""
    found: list[dict[str, object]] = []
    for row in table:
        clock, cpu = zip(*seconds[row.name], strict=True)
        line: dict[str, object] = {"row": row.name, "than": row.than}
        line |= {"ms": statistics.median(clock) * 1e3, "ms_min": min(clock) * 1e3, "ms_max": max(clock) * 1e3}
        is_counted = any(cpu)
        if is_counted:
            line |= {"cpu_ms": statistics.median(cpu) * 1e3, "cpu_ms_min": min(cpu) * 1e3, "cpu_ms_max": max(cpu) * 1e3}
        if row.than is not None:
            pairs = list(zip(seconds[row.name], seconds[row.than], strict=True))
            for name, index in (("times", 0), ("cpu_times", 1))[: 1 + is_counted]:
                ratios = [mine[index] / other[index] for mine, other in pairs]
                line |= {name: statistics.median(ratios), f"{name}_min": min(ratios), f"{name}_max": max(ratios)}
        found.append(line)
    return found


def told(line: dict[str, object]) -> str:
    """One row for people."""
    text = "{row:38} {ms:7.1f} ({ms_min:.1f} - {ms_max:.1f}) ms"
    if "cpu_ms" in line:
        text += "   cpu {cpu_ms:7.1f} ({cpu_ms_min:.1f} - {cpu_ms_max:.1f}) ms"
    if "times" in line:
        text += "   times {times:.2f} ({times_min:.2f} - {times_max:.2f})"
    if "cpu_times" in line:
        text += ", cpu {cpu_times:.2f} ({cpu_times_min:.2f} - {cpu_times_max:.2f})"
    return text.format(**line)


def main() -> None:
    parser = argparse.ArgumentParser(
        description="A scripted episode beside the bare pytest processes of its test runs."
    )
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--sandbox", nargs="+", default=["bubblewrap", "local"])
    parser.add_argument("--at-once", nargs="+", type=int, default=[1, 4])
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, counted() as processor:
        table = rows(Path(name), chosen.sandbox, chosen.at_once)
        found = summed_up(table, measure(table, chosen.rounds, processor or (lambda: 0.0)))
    if chosen.json:
        print(orjson.dumps(found, option=orjson.OPT_INDENT_2).decode())
        return
    print(
        f"per episode of {TURNS} turns and {TEST_RUNS} test runs; load {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores"
    )
    for line in found:
        print(told(line))


if __name__ == "__main__":
    main()
