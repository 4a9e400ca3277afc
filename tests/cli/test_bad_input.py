"""Wrong input and broken streams: one sentence that names the place, the documented exit code, never a traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from coding_agent.store.rundir import RunDirectory
from tests.cli.test_commands import EPISODE, ROOT, TASK, run
from tests.samples import toy_episode, write_log

SUBMIT = '{"tool_calls": [{"name": "submit", "arguments": {"status": "solved", "summary": ""}}]}\n'
PROGRAM = [sys.executable, "-m", "coding_agent.cli.main"]


def refused(done: subprocess.CompletedProcess[str], code: int = 2) -> str:
    """The one line that says why, of a command that did nothing."""
    assert (done.returncode, done.stdout) == (code, "")
    *_, line = done.stderr.splitlines()
    assert "Traceback" not in done.stderr
    return line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--policy", "scripted:/dev/null"], "/dev/null: expected one assistant turn a line, found no line"),
        (["--policy", f"scripted:{ROOT}"], "Is a directory"),
        (["--policy", f"scripted:{sys.executable}"], "can not be read as text"),
        (["--policy", "openai:m@http://me:secret@host/v1"], "expected no user or password, found some for host"),
        (["--n-samples", "99999999999999999999"], "is not in the range 1<=x<=1000000"),
        (["--max-turns", "99999999999999999999"], "is not in the range 1<=x<=1000000"),
        (["--out", str(EPISODE)], "can not be a run directory: Not a directory"),
    ],
)
def test_a_rollout_that_can_not_begin_says_why(arguments: list[str], message: str) -> None:
    line = refused(run("rollout", TASK, "--sandbox", "local", *arguments))
    assert message in line
    assert "secret" not in line


@pytest.mark.parametrize(
    ("damage", "advice"),
    [
        (lambda raw: raw[:-99], "`coding-agent recover {}` cuts the unfinished tail"),
        (lambda raw: raw.replace(b"interval", b"intervam", 1), "restore the file from a copy"),
    ],
)
def test_a_log_that_is_not_intact_is_told_with_what_to_do(
    tmp_path: Path, damage: Callable[[bytes], bytes], advice: str
) -> None:
    (tmp_path / "a.jsonl").write_bytes(damage(EPISODE.read_bytes()))
    done = run("show", tmp_path / "a.jsonl")
    error, following = done.stderr.splitlines()
    assert done.returncode == 3
    assert f"{tmp_path}/a.jsonl, line " in error
    assert following.startswith(f"  next: {advice.format(tmp_path / 'a.jsonl')}")


def test_recover_leaves_alone_what_is_not_a_log(tmp_path: Path) -> None:
    script = tmp_path / "script.jsonl"
    script.write_text(SUBMIT)
    assert 'does not begin as a log does, with {"seq":0' in refused(run("recover", script))
    assert (script.read_text(), [*tmp_path.iterdir()]) == (SUBMIT, [script])


def test_what_the_system_refuses_is_named() -> None:
    assert refused(run("record", EPISODE, "--to", "/proc/golden"), code=6).startswith("error: /proc/golden")


def test_a_full_disk_behind_stdout_is_one_sentence() -> None:
    for arguments in (["verify", EPISODE], ["verify", EPISODE, "--json"], ["--help"]):
        with Path("/dev/full").open("w") as full:
            command = [*PROGRAM, *map(str, arguments)]
            done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
        assert (done.returncode, done.stderr) == (6, "error: output: [Errno 28] No space left on device\n")


def test_a_reader_that_leaves_is_no_error_to_speak_of() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([*PROGRAM, "show", str(EPISODE)], stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


def test_a_rollout_goes_on_when_nobody_watches_any_more(tmp_path: Path) -> None:
    (tmp_path / "submit.jsonl").write_text(SUBMIT)
    arguments = ["rollout", str(TASK), "--sandbox", "local", "-k", "3", "--policy", f"scripted:{tmp_path}/submit.jsonl"]
    reading, writing = os.pipe()
    os.close(reading)
    command = [*PROGRAM, *arguments, "--out", str(tmp_path / "run"), "--json"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=writing, check=False)
    os.close(writing)
    assert done.returncode == 0
    assert done.stdout.count(b'"reason": "submitted"') == 3


def test_a_locale_without_our_characters_costs_the_characters() -> None:
    done = run("show", EPISODE, PYTHONIOENCODING="ascii")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(r"\u2696 passed: all 8 expected tests")


def test_json_without_a_stdout_says_so() -> None:
    line = 'exec "$@" >&-'
    command = ["sh", "-c", line, "sh", *PROGRAM, "verify", str(EPISODE), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert refused(done) == "error: UsageError: stdout is closed"


NOISY = """
import os, subprocess, sys
import structlog
print("at import")
def f(events, *_):
    print("printed")
    os.write(1, b"written\\n")
    sys.__stdout__.write("to the original\\n")
    subprocess.run(["echo", "by a process"], check=True)
    try:
        1 / 0
    except ZeroDivisionError:
        structlog.get_logger().exception("told with a traceback")
    return %s
"""


@pytest.mark.parametrize("command", ["score", "stats", "export", "audit"])
def test_what_a_user_s_file_prints_by_whatever_means_stays_out_of_the_output(tmp_path: Path, command: str) -> None:
    (tmp_path / "mine.py").write_text(NOISY % ([] if command == "audit" else 0.5))
    source = f"{tmp_path / 'mine.py'}:f"
    log = RunDirectory.create(tmp_path / "run", {"areno": {"reward": source}}).log_path("toy", 0, 0)
    log.parent.mkdir()
    write_log(log, toy_episode())
    options = {
        "score": ["--json", "--reward", source],
        "stats": ["--json", "--by-step"],
        "export": ["--format", "sft", "--min-reward", "0.5"],
        "audit": ["--json", "--detector", source],
    }[command]
    done = run(command, tmp_path / "run", *options)
    assert json.loads(done.stdout)
    for told in ("at import", "printed", "written", "to the original", "by a process", "told with a traceback"):
        assert told in done.stderr


def test_a_run_that_every_sandbox_could_read_is_not_begun() -> None:
    done = run("rollout", str(TASK), "--policy", "gold", "--out", "/usr/local/runs/first")
    assert done.returncode == 5
    assert "/usr/local/runs/first lies in what every sandbox reads" in done.stderr
    assert not Path("/usr/local/runs").exists()
