"""All recorded episodes in one process, as a stranger replays them: no network, no tasks, nothing but code and logs."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from coding_agent import __version__
from tests.cli.test_commands import ROOT, document, run

LOGS = sorted((ROOT / "replays").glob("*.jsonl"))
CUT = ("unshare", "-rn")


@pytest.fixture
def without_network() -> tuple[str, ...]:
    """What to put before a command: there it has no interface but `lo`, and that is down."""
    if shutil.which(CUT[0]) is not None:
        command = [*CUT, "cat", "/proc/net/dev"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            assert [line.split(":")[0].strip() for line in done.stdout.splitlines() if ":" in line] == ["lo"]
            return CUT
    if os.environ.get("CI"):
        pytest.fail("CI must be able to cut the network: `unshare -rn` is denied or not there")
    pytest.skip("the network can not be cut here: `unshare -rn` is denied or not there")


@pytest.fixture
def bare(tmp_path: Path) -> Path:
    """The code and the recorded episodes, and nothing else of this checkout."""
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "replays", tmp_path / "replays", ignore=shutil.ignore_patterns("*.expected.json"))
    return tmp_path


def test_every_recorded_episode_replays_without_network_and_tasks(bare: Path, without_network: tuple[str, ...]) -> None:
    line = 'exec "$0" -m coding_agent.cli.main replay replays/*.jsonl --json'
    command = [*without_network, "sh", "-c", line, sys.executable]
    environment = {**os.environ, "PYTHONPATH": str(bare / "src")}
    done = subprocess.run(command, cwd=bare, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = document(done)["logs"]
    assert [(Path(log["file"]).name, log["outcome"]) for log in found] == [(log.name, "identical") for log in LOGS]
    # A commit would say that it was the code of the checkout.
    python = f"Python {platform.python_version()}"
    assert {log["replayed_by"] for log in found} == {f"coding-agent {__version__}, {python}"}


def test_one_changed_byte_in_any_of_them_is_damage(tmp_path: Path) -> None:
    for number, log in enumerate(LOGS):
        raw = bytearray(log.read_bytes())
        raw[len(raw) * (number + 1) // (len(LOGS) + 2)] ^= 1
        (tmp_path / log.name).write_bytes(raw)
    done = run("replay", *sorted(tmp_path.glob("*.jsonl")), "--json")
    assert done.returncode == 3
    assert [log["outcome"] for log in document(done)["logs"]] == ["damaged"] * len(LOGS)
