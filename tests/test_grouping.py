"""How the suite is spread over its workers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
GROUP = 'pytestmark = pytest.mark.xdist_group("one")\n'
TESTS = """import os
import pytest
{mark}
@pytest.mark.parametrize("number", range(4))
def test_it(number):
    with open("workers", "a") as file:
        file.write(os.environ["PYTEST_XDIST_WORKER"] + " ")
"""
PYTEST = [sys.executable, "-m", "pytest", "-n", "2", "--rootdir", ".", "-p", "tests.grouping"]


@pytest.mark.parametrize(("mark", "workers"), [(GROUP, 1), ("", 2)], ids=["a group", "no group"])
def test_a_module_that_is_a_group_stays_on_one_worker_and_another_is_spread(
    tmp_path: Path, mark: str, workers: int
) -> None:
    # Four tests and no more: two apiece are handed out before the first runs, so no worker can come too late for its own.
    (tmp_path / "test_it.py").write_text(TESTS.format(mark=mark))
    done = subprocess.run(
        [*PYTEST, "-p", "no:hypothesispytest", "-p", "no:anyio", "-p", "no:cacheprovider"],
        cwd=tmp_path, env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    ran = (tmp_path / "workers").read_text().split()
    assert len(ran) == 4
    assert len(set(ran)) == workers
