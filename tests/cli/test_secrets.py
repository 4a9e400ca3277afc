"""What only the harness has is nowhere in a sandbox, at any stage, and nowhere in what it writes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import attrs
import pytest

from coding_agent.events.schema import TestRun, ToolResult
from coding_agent.store.reader import read_events
from tests.leaks import leaks, leaks_below

HUNT = Path(__file__).with_name("hunt.py")
TESTS = "import hunt\n\n\ndef test_nothing_is_found():\n    assert hunt.found() == []\n"
GOLD = "--- /dev/null\n+++ b/a.py\n@@ -0,0 +1 @@\n+a = 1\n"
TASK = """
id = "hunt"
title = "hunt"
difficulty = 1
kind = "bug"
tags = []
licence = "Apache-2.0"
statement = "Hunt."

[tests]
command = ["python", "-m", "pytest", "-q"]
FAIL_TO_PASS = ["tests/test_hunt.py::test_nothing_is_found", "tests/test_hidden_hunt.py::test_nothing_is_found"]
PASS_TO_PASS = []

[paths]
allowed = ["**"]
"""
SCRIPT: tuple[tuple[str, dict[str, str]], ...] = (
    ("run_command", {"command": "python3 hunt.py"}),
    ("run_tests", {}),
    ("submit", {"status": "solved", "summary": ""}),
)


@attrs.frozen(kw_only=True)
class Harness:
    """A process that has a canary in each place where secrets are kept."""

    folder: Path
    out: Path
    environment: dict[str, str]
    descriptor: int

    def run(self, *arguments: object) -> subprocess.CompletedProcess[bytes]:
        command = [sys.executable, *map(str, arguments)]
        return subprocess.run(
            command, env=self.environment, pass_fds=[self.descriptor], capture_output=True, check=False, cwd=self.folder
        )


@pytest.fixture
def harness(tmp_path: Path) -> Iterator[Harness]:
    home = tmp_path / "home"
    for name in (".netrc", ".ssh/id_ed25519", ".config/key.json"):
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        (home / name).write_text("cnry-home-5Xw8Kq2LmZ")
    environment = {
        **os.environ, "HOME": str(home), "SOME_API_KEY": "cnry-key-7Vb3Nc9TsD", "UNSUSPICIOUS": "cnry-plain-4Jh6Pf1RxG",
    }  # fmt: skip
    with tempfile.TemporaryFile() as file:
        file.write(b"cnry-descriptor-2Ae8Uy5WoQ")
        file.flush()
        out = tmp_path / "cnry-argv-9Mk1Id4EvB" / "run"
        yield Harness(folder=tmp_path, out=out, environment=environment, descriptor=file.fileno())


@pytest.fixture
def task(tmp_path: Path) -> Path:
    folder = tmp_path / "hunt"
    for name, text in (
        ("task.toml", TASK), ("gold.patch", GOLD), ("repo/hunt.py", HUNT.read_text()), ("repo/tests/test_hunt.py", TESTS),
        ("tests/test_hidden_hunt.py", TESTS),
    ):  # fmt: skip
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    turns = [json.dumps({"tool_calls": [{"name": name, "arguments": arguments}]}) for name, arguments in SCRIPT]
    (tmp_path / "script.jsonl").write_text("\n".join(turns))
    return folder


def test_the_hunter_finds_every_kind_of_place_where_there_is_no_sandbox(harness: Harness) -> None:
    done = harness.run(HUNT, harness.folder / "home", harness.out)
    assert done.stdout.decode() == "found: ['argv', 'descriptor', 'environment', 'file']\n"


def test_it_finds_none_as_a_command_as_a_test_and_while_it_is_graded(harness: Harness, task: Path) -> None:
    done = harness.run(
        "-m", "coding_agent.cli.main", "--verbose", "rollout", task, "--policy", "scripted:script.jsonl", "--out", harness.out
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()
    events = read_events(harness.out / "episodes" / "hunt" / "0.0.jsonl")
    shown = next(event for event in events if isinstance(event, ToolResult))
    assert shown.text.endswith("found: []\n")
    runs = [event for event in events if isinstance(event, TestRun)]
    assert [set(run.outcomes.values()) for run in runs] == [{"passed"}, {"passed"}]
    for secret in ("home-5Xw8Kq2LmZ", "key-7Vb3Nc9TsD", "plain-4Jh6Pf1RxG", "descriptor-2Ae8Uy5WoQ", "argv-9Mk1Id4EvB"):
        # A piece gives it away, too: one that a chunk's or a line's end cut off.
        for piece in (secret, secret[:10], secret[-10:]):
            assert leaks_below(harness.out, piece) == {}
    assert leaks(done.stdout + done.stderr, "key-7Vb3Nc9TsD") == []


def test_the_operational_log_and_error_messages_are_redacted(harness: Harness) -> None:
    program = (
        "import os, structlog; from coding_agent.cli.main import cli, main; key = os.environ['SOME_API_KEY']; "
        "cli.callback(verbose=True); log = structlog.get_logger(); log.warning('asked', key=key, more={'a': [key]})\n"
        "try: raise ValueError(f'401 for {key}')\n"
        "except ValueError: log.exception('refused')\n"
        "main(['rollout', '.', '--policy', f'openai:{key}'])"
    )
    done = harness.run("-c", program)
    assert done.stderr.count(b"[redacted:SOME_API_KEY]") == 4, done.stderr
    assert leaks(done.stdout + done.stderr, "cnry-key-7Vb3Nc9TsD") == []


def test_a_trainers_operational_log_shows_neither_secrets_nor_local_variables(harness: Harness) -> None:
    program = (
        "import os, structlog; from coding_agent.areno.logs import log_to_stderr; log_to_stderr()\n"
        "try:\n    local, key = 'cnry-local', os.environ['SOME_API_KEY']; raise ValueError(f'401 for {key}')\n"
        "except ValueError: structlog.get_logger().exception('refused')\n"
    )
    done = harness.run("-c", program)
    assert b"ValueError: 401 for [redacted:SOME_API_KEY]" in done.stderr
    assert b"cnry-" not in done.stderr
