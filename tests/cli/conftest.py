from __future__ import annotations

import fcntl
import os
import shutil
from pathlib import Path

import pytest

from tests.cli.test_commands import TASK, document, run


@pytest.fixture(scope="session")
def rolled_out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run of one repaired task: the worker that needs it first rolls it out for all."""
    base = tmp_path_factory.getbasetemp()
    place = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "rolled-out"
    place.mkdir(exist_ok=True)
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (place / "played").exists():
            done = run("rollout", TASK, "--policy", "repair", "--out", place / "run", "--json")
            assert done.returncode == 0, done.stderr
            assert document(done)["passed"] == 1
            (place / "played").touch()
    # What one worker does with its run is nobody else's.
    return Path(shutil.copytree(place / "run", tmp_path_factory.mktemp("cli") / "run"))
