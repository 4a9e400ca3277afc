"""How the suite is spread over its workers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent
GROUP = 'pytestmark = pytest.mark.xdist_group("one")\n'
TESTS = """import os
import pytest
{mark}
@pytest.mark.parametrize("number", range(100))
def test_it(number):
    with open("{name}", "a") as file:
        file.write(os.environ["PYTEST_XDIST_WORKER"] + " ")
"""


def test_a_module_that_is_a_group_stays_on_one_worker_and_others_are_spread(tmp_path: Path) -> None:
    for name, mark in (("together", GROUP), ("apart", "")):
        (tmp_path / f"test_{name}.py").write_text(TESTS.format(mark=mark, name=name))
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-n",
        "2",
        "-p",
        "tests.grouping",
        "-p",
        "no:hypothesispytest",
        "-p",
        "no:anyio",
    ]
    done = subprocess.run(
        [*command, "-p", "no:cacheprovider", "--rootdir", "."], cwd=tmp_path,
        env={"PYTHONPATH": str(ROOT)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert len(set((tmp_path / "together").read_text().split())) == 1
    assert len(set((tmp_path / "apart").read_text().split())) == 2
