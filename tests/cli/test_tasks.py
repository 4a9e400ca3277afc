"""`coding-agent tasks` where the system does not let it look."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.test_commands import ROOT, TASK

# What nobody may read, root may, unless it gives that right away.
BOUND = ["setpriv", "--bounding-set=-dac_override,-dac_read_search", "--inh-caps=-all"] if os.geteuid() == 0 else []


@pytest.mark.skipif(bool(BOUND) and shutil.which("setpriv") is None, reason="root, and no setpriv to be less")
@pytest.mark.parametrize(
    ("closed", "asked", "named"),
    [
        ("tasks/interval-gap/repo", "tasks", "tasks/interval-gap/repo"),
        ("tasks/interval-gap/repo/tests", "tasks/interval-gap", "tasks/interval-gap/repo/tests"),
        ("tasks/interval-gap/gold.patch", "tasks", "tasks/interval-gap/gold.patch"),
        ("tasks/interval-gap", "tasks", "tasks/interval-gap/task.toml"),
    ],
)
def test_what_can_not_be_read_is_named_with_the_reason(tmp_path: Path, closed: str, asked: str, named: str) -> None:
    shutil.copytree(TASK, tmp_path / "tasks" / "interval-gap")
    mode = (tmp_path / closed).stat().st_mode
    (tmp_path / closed).chmod(0)
    command = [*BOUND, sys.executable, "-m", "coding_agent.cli.main", "tasks", "list", str(tmp_path / asked)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    (tmp_path / closed).chmod(mode)
    assert done.returncode == 2
    assert f"{tmp_path / named}: expected a file" in done.stderr
    assert "found Permission denied" in done.stderr
