"""A process that was forked after the hooks were used ends when it wants to, and may use them itself."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from coding_agent.store.reader import verify
from coding_agent.store.rundir import RunDirectory
from tests.patience import PATIENCE_S

ROOT = Path(__file__).parents[2]
PROGRAM = """
import os, sys, warnings
from coding_agent.areno.config import ArenoConfig
from coding_agent.areno.records import record
from coding_agent.areno.service import service_for
from coding_agent.errors import LogLocked
from coding_agent.tasks.load import load_task
from tests.areno.stand import EASY, TASKS, Engine, play, prompt_batch, quitter, trainer

def step(name):
    config = ArenoConfig(run_dir=f"{sys.argv[1]}/{name}", sandbox="bubblewrap", tensorboard="")
    engine = Engine(quitter)
    batch = prompt_batch(engine, [record(load_task(TASKS / EASY), TASKS / EASY, config)])
    play(trainer(engine, n_samples=1), batch)

warnings.filterwarnings("ignore", "This process", DeprecationWarning)  # that it has threads, which is the point
step("parent")
child = os.fork()
if child == 0:
    if "uses" in sys.argv[2:]:
        step("child")
    if "takes" in sys.argv[2:]:
        try:
            step("parent")
        except LogLocked:
            sys.exit(7)
    sys.exit(0)
_, status = os.waitpid(child, 0)
step("parent")
sys.exit(os.waitstatus_to_exitcode(status))
"""


def ended(folder: Path, *what: str) -> int:
    """How the child ended; the parent plays a step before it and one after it."""
    command = [sys.executable, "-c", PROGRAM, str(folder), *what]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=ROOT, env=environment, start_new_session=True) as parent:
        try:
            return parent.wait(timeout=PATIENCE_S)
        except subprocess.TimeoutExpired:
            os.killpg(parent.pid, 9)
            pytest.fail("it hangs")


def sealed(run: Path) -> int:
    conditions = [verify(log).condition for log in RunDirectory.open(run).logs()]
    assert set(conditions) <= {"sealed"}
    return len(conditions)


def test_a_child_that_was_forked_between_steps_ends_by_itself(tmp_path: Path) -> None:
    assert ended(tmp_path) == 0
    assert sealed(tmp_path / "parent") == 2


def test_a_forked_child_may_train_into_a_run_of_its_own_but_not_into_its_parents(tmp_path: Path) -> None:
    assert ended(tmp_path, "uses", "takes") == 7
    assert (sealed(tmp_path / "parent"), sealed(tmp_path / "child")) == (2, 1)
