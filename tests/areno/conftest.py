"""AReno is installed by the project's set-up; where it is not, these tests say so. On CI that is a failure."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

if find_spec("areno") is None:
    if os.environ.get("CI"):
        raise RuntimeError("areno is not installed: `sh scripts/setup.sh` installs it")
    collect_ignore_glob = ["test_*.py"]

MakeRecords = Callable[..., list[dict[str, Any]]]


@pytest.fixture
def records(tmp_path: Path) -> Iterator[MakeRecords]:
    """Records of tasks for a run directory of this test, in the local sandbox unless it is told otherwise."""
    from coding_agent.areno.config import ArenoConfig
    from coding_agent.areno.records import record
    from coding_agent.areno.service import forget_services
    from coding_agent.tasks.load import load_task
    from tests.areno.stand import EASY, TASKS

    def make(*tasks: str, **options: Any) -> list[dict[str, Any]]:
        config = ArenoConfig(**{"run_dir": str(tmp_path / "run"), "sandbox": "local", "tensorboard": "", **options})
        return [record(load_task(TASKS / task), TASKS / task, config) for task in tasks or (EASY,)]

    yield make
    forget_services()
