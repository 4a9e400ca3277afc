"""One episode in a real sandbox and in a simulated one: the same log, byte for byte of what it means.

Left out is what only prints: ripgrep's words about a pattern that it refuses, pytest's about tests that there are not.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from coding_agent.events.values import Limits
from coding_agent.sandbox.local import LocalBackend
from coding_agent.sandbox.simulated import SimulatedBackend
from coding_agent.store.reader import read_events
from tests.rollout.worlds import roll_out, script
from tests.simulation.schedules import meaning
from tests.simulation.worlds import jobs


def calls(*pairs: tuple[str, dict[str, object]]) -> list[tuple[str, str]]:
    return [(name, json.dumps(arguments)) for name, arguments in pairs]


FILES = calls(
    ("list_files", {}),
    ("read_file", {"path": "double.py"}),
    ("read_file", {"path": "missing.py"}),
    ("search", {"pattern": "^def \\w+"}),
    ("write_file", {"path": "notes/a.md", "content": "a\nb\n"}),
    ("write_file", {"path": "../out", "content": ""}),
    ("write_file", {"path": "notes", "content": ""}),
    ("apply_patch", {"patch": "--- a/notes/a.md\n+++ b/notes/b.md\n@@ -1,2 +1,2 @@\n a\n-b\n+c\n"}),
    ("replace_text", {"path": "double.py", "old": "2 + x", "new": "2 * x"}),
    ("run_tests", {}),
    ("submit", {"status": "solved", "summary": "Mended."}),
)
COMMANDS = calls(
    ("run_tests", {"tests": ["tests/test_double.py::test_mended"]}),
    ("run_command", {"command": "mkdir -p a/b; echo 1 > a/b/c; ln -s a/b/c l; chmod +x double.py; rm README.md"}),
    ("run_command", {"command": "cat a/b/c double.py && ls -a && exit 3"}),
    ("run_command", {"command": "echo before; sleep 30; echo after", "timeout_s": 0.2}),
    ("run_command", {"command": "seq 20000"}),
    ("run_command", {"command": "rm -r a; echo 'def double' > tests/test_double.py; kill -9 $$"}),
    ("list_files", {}),
    ("read_file", {"path": "l"}),
    ("run_tests", {}),
    ("submit", {"status": "blocked", "summary": "Broken."}),
)


@pytest.mark.parametrize("said", [FILES, COMMANDS], ids=["files", "commands"])
async def test_an_episode_means_the_same_in_both(tmp_path: Path, said: list[tuple[str, str]]) -> None:
    (todo,) = jobs(1, script(*said), limits=Limits(turns=20))
    (real,) = await roll_out(tmp_path / "real", [todo], backend=LocalBackend())
    (simulated,) = await roll_out(tmp_path / "simulated", [todo], backend=SimulatedBackend())
    for here, there in zip(read_events(simulated.path), read_events(real.path), strict=True):
        assert meaning([here]) == meaning([there])
    assert simulated.semantic_digest == real.semantic_digest
    assert simulated.passed is (said is FILES)
