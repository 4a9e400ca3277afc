"""Signals and full disks, as a user meets them."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from coding_agent.store.reader import verify
from tests.cli.test_bad_input import SUBMIT
from tests.cli.test_commands import ROOT, TASK, document, run, running_below, start_slow
from tests.patience import PATIENCE_S


def test_ctrl_c_again_and_again_changes_nothing(tmp_path: Path) -> None:
    process, out = start_slow(tmp_path)
    while process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(timeout=0.02)
        except subprocess.TimeoutExpired:
            continue
    _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert errors.count("SIGINT: completing the logs") == 1
    assert f"`coding-agent resume {out}` goes on" in errors.replace("\n", "")
    assert {verify(log).condition for log in out.glob("episodes/*/*.jsonl")} == {"sealed"}


AGAIN_AT_ONCE = """
import signal
from asyncio import unix_events
from coding_agent.cli.main import main

class Again(unix_events._UnixSelectorEventLoop):
    def remove_signal_handler(self, number):
        found = super().remove_signal_handler(number)
        if number == signal.SIGINT:
            signal.raise_signal(number)
        return found

unix_events._UnixDefaultEventLoopPolicy._loop_factory = Again
main()
"""


def test_ctrl_c_once_more_as_soon_as_the_event_loop_listens_no_more_changes_nothing(tmp_path: Path) -> None:
    process, out = start_slow(tmp_path, main=("-c", AGAIN_AT_ONCE))
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert f"`coding-agent resume {out}` goes on" in errors.replace("\n", "")


def test_a_terminal_that_hangs_up_completes_the_logs(tmp_path: Path) -> None:
    process, out = start_slow(tmp_path)
    process.send_signal(signal.SIGHUP)
    process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert {verify(log).condition for log in out.glob("episodes/*/*.jsonl")} == {"sealed"}
    assert not running_below(tmp_path)


@pytest.mark.parametrize("sandbox", ["bubblewrap", "local"])
def test_kill_9_leaves_no_directory_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sandbox: str) -> None:
    (place := tmp_path / "tmp").mkdir()
    monkeypatch.setenv("TMPDIR", str(place))
    process, _ = start_slow(tmp_path, "--sandbox", sandbox)
    process.kill()
    process.communicate(timeout=PATIENCE_S)
    deadline = time.monotonic() + PATIENCE_S
    while list(place.iterdir()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert list(place.iterdir()) == []


def test_a_low_limit_of_open_files_is_raised_as_far_as_the_host_allows(tmp_path: Path) -> None:
    (tmp_path / "submit.jsonl").write_text(SUBMIT)
    limited = ["sh", "-c", 'ulimit -Sn 40 && exec "$@"', "sh", sys.executable, "-m", "coding_agent.cli.main"]
    arguments = ["rollout", str(TASK), "-k", "12", "-n", "12", "--sandbox", "local", "--out", str(tmp_path / "run")]
    command = [*limited, *arguments, "--policy", f"scripted:{tmp_path}/submit.jsonl", "--retries", "0"]
    assert subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode == 0


def test_a_disk_that_takes_no_more_is_told_of_each_episode_and_in_one_sentence_at_the_end_and_exits_6(
    tmp_path: Path,
) -> None:
    # A limit on the size of a file is a full disk that needs no root.
    limited = ["sh", "-c", 'ulimit -f 30 && exec "$@"', "sh", sys.executable, "-m", "coding_agent.cli.main"]
    arguments = ["rollout", str(TASK), "-k", "2", "-n", "2", "--sandbox", "local", "--out", str(tmp_path / "run")]
    done = subprocess.run([*limited, *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    _warning, *episodes, end = done.stderr.splitlines()
    assert done.returncode == 6
    assert [line.split("  ")[-1] for line in episodes[::2]] == ["unfinished, 3 turns"] * 2
    assert all("/run/episodes/interval-gap/" in line and "writing failed for good" in line for line in episodes[1::2])
    assert end.startswith("2 episodes could not be recorded to their end, the first: ")
    assert end.endswith(f"`coding-agent resume {tmp_path}/run` goes on")
    assert "Next:" not in done.stdout


def test_a_run_whose_disk_was_full_earns_nothing_until_it_is_resumed(tmp_path: Path) -> None:
    limited = ["sh", "-c", 'ulimit -f 30 && exec "$@"', "sh", sys.executable, "-m", "coding_agent.cli.main"]
    arguments = ["rollout", str(TASK), "--sandbox", "local", "--out", str(tmp_path / "run")]
    assert subprocess.run([*limited, *arguments], cwd=ROOT, capture_output=True, check=False).returncode == 6
    scored = document(run("score", tmp_path / "run", "--json"))
    assert [row["value"] for row in scored["episodes"] if row["value"] is not None] == []
    done = run("resume", tmp_path / "run", "--json")
    assert (done.returncode, document(done)["passed"]) == (0, 1), done.stderr
