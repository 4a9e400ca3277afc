from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.test_commands import TASK, document, run


@pytest.fixture(scope="session")
def rolled_out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("cli") / "run"
    done = run("rollout", TASK, "--policy", "repair", "--out", folder, "--json")
    assert done.returncode == 0, done.stderr
    assert document(done)["passed"] == 1
    return folder
