"""A trainer that is interrupted, terminated or fails by itself leaves no process, and logs that say what happened."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from coding_agent.events.schema import Done
from coding_agent.store.reader import read_events, verify
from coding_agent.store.rundir import RunDirectory
from tests.patience import PATIENCE_S

ROOT = Path(__file__).parents[2]
PROGRAM = """
import pathlib, sys
from coding_agent.areno.config import ArenoConfig
from coding_agent.areno.records import record
from coding_agent.tasks.load import load_task
from tests.areno.stand import EASY, TASKS, Engine, play, prompt_batch, quitter, trainer

own = pathlib.Path(sys.argv[1] + ".py")
own.write_text("import threading\\ndef reward(events):\\n    print('hanging', flush=True)\\n    threading.Event().wait()\\n")
reward = str(own) if sys.argv[2] == "reward" else None
config = ArenoConfig(run_dir=sys.argv[1], sandbox="bubblewrap", reward=reward)
engine = Engine(quitter)
batch = prompt_batch(engine, [record(load_task(TASKS / EASY), TASKS / EASY, config)])
made = trainer(engine, n_samples=2)
play(made, batch)
if sys.argv[2] == "fail":
    raise RuntimeError("the trainer failed")
engine.hang_after = 0
engine.on_ask = lambda: len(engine.asked) == 4 and print("hanging", flush=True)
play(made, batch)
"""


def descendants(pid: int) -> set[int]:
    """All processes below one, by /proc."""
    found: set[int] = set()
    parents = {}
    for place in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = place.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(place.parent.name)] = int(fields[1])
    edge = {pid}
    while edge:
        edge = {child for child, parent in parents.items() if parent in edge} - found
        found |= edge
    return found


def gone(pids: set[int]) -> bool:
    """None of them is left after a while."""
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        if not any(Path(f"/proc/{pid}").exists() for pid in pids):
            return True
        os.sched_yield()
    return False


def start(run: Path, how: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(run), how],
        cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
    )  # fmt: skip


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_in_the_middle_of_a_step_leaves_no_process(tmp_path: Path, number: signal.Signals) -> None:
    with start(tmp_path / "run", "hang") as trainer:
        assert trainer.stdout is not None
        assert trainer.stdout.readline() == "hanging\n"
        below = descendants(trainer.pid)
        trainer.send_signal(number)
        assert trainer.wait(timeout=PATIENCE_S) != 0
    assert below
    assert gone(below)
    conditions = sorted(verify(log).condition for log in RunDirectory.open(tmp_path / "run").logs())
    if number == signal.SIGINT:
        ends = [read_events(log)[-1] for log in RunDirectory.open(tmp_path / "run").logs()]
        assert sorted(end.reason for end in ends if isinstance(end, Done)) == ["blocked"] * 2 + ["cancelled"] * 2
    else:
        assert conditions == ["incomplete", "incomplete", "sealed", "sealed"]


def test_a_ctrl_c_ends_the_training_although_a_reward_never_comes(tmp_path: Path) -> None:
    with start(tmp_path / "run", "reward") as trainer:
        assert trainer.stdout is not None
        assert trainer.stdout.readline() == "hanging\n"
        trainer.send_signal(signal.SIGINT)
        try:
            assert trainer.wait(timeout=60) != 0
        finally:
            trainer.kill()
    assert [verify(log).condition for log in RunDirectory.open(tmp_path / "run").logs()] == ["sealed", "sealed"]


def test_a_trainer_that_fails_ends_with_nothing_left(tmp_path: Path) -> None:
    with start(tmp_path / "run", "fail") as trainer:
        assert trainer.wait(timeout=PATIENCE_S) == 1
    assert [verify(log).condition for log in RunDirectory.open(tmp_path / "run").logs()] == ["sealed", "sealed"]
