"""The command line as a process: exit codes, JSON on stdout, everything else on stderr."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import zlib
from pathlib import Path
from typing import Any

import pytest

from coding_agent.store.reader import read_events, verify
from tests.patience import PATIENCE_S

ROOT = Path(__file__).parents[2]
EPISODE = ROOT / "replays" / "ep123.jsonl"
TASK = ROOT / "tasks" / "interval-gap"


def run(*arguments: object, cwd: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "coding_agent.cli.main", *map(str, arguments)]
    return subprocess.run(
        command, cwd=cwd, capture_output=True, text=True, check=False, env={**os.environ, **environment}
    )


def document(done: subprocess.CompletedProcess[str]) -> Any:
    return json.loads(done.stdout)


def log_of(folder: Path) -> Path:
    return folder / "episodes" / "interval-gap" / "0.0.jsonl"


def test_replaying_a_recorded_episode_needs_no_tasks_and_exits_0(tmp_path: Path) -> None:
    done = run("replay", EPISODE, "--json", cwd=tmp_path)
    assert done.returncode == 0
    assert document(done)["logs"][0]["outcome"] == "identical"


@pytest.mark.parametrize("at", [0, 300, 5000, -2])
def test_one_changed_byte_exits_3(tmp_path: Path, at: int) -> None:
    raw = bytearray(EPISODE.read_bytes())
    raw[at] ^= 1
    changed = tmp_path / "changed.jsonl"
    changed.write_bytes(raw)
    assert run("replay", changed).returncode == 3
    assert run("verify", changed).returncode == 3


def test_a_divergence_exits_1_and_names_seq_and_field(tmp_path: Path) -> None:
    from coding_agent.events.schema import ToolCall
    from coding_agent.store.writer import LogWriter

    with LogWriter.create(tmp_path / "other.jsonl") as log:
        for event in read_events(EPISODE):
            changed = ToolCall(call=event.call, tool="search", arguments={}) if isinstance(event, ToolCall) else event
            log.append(changed)
    done = run("replay", tmp_path / "other.jsonl", "--json")
    assert done.returncode == 1
    found = document(done)["logs"][0]["divergence"]
    assert (found["seq"], found["path"], found["recorded"]) == (2, "tool_call.tool", "search")


def test_an_unknown_format_exits_4(tmp_path: Path) -> None:
    import attrs

    from coding_agent.events.line import CHAIN_SEED, STATE_SEED, write_line
    from coding_agent.events.schema import EpisodeStarted

    first = read_events(EPISODE)[0]
    assert isinstance(first, EpisodeStarted)
    line = write_line(attrs.evolve(first, format=9), seq=0, at="", synced=-1, state=STATE_SEED, chain=CHAIN_SEED)
    (tmp_path / "new.jsonl").write_bytes(line.raw)
    assert run("replay", tmp_path / "new.jsonl").returncode == 4


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["replay"], "Missing argument"),
        (["rollout", "tasks", "--policy", "repiar"], "Did you mean repair?"),
        (["rollout", "docs"], "there is no task in it"),
        (["rollout", "tasks", "--policy", "scripted:nowhere"], "nowhere"),
        (["tasks", "validate", "no-such-task"], "no task no-such-task"),
        (["stats", "docs"], "there is no log in it"),
        (["score", "replays", "--reward", "README.md"], "is not a Python file"),
    ],
)
def test_wrong_usage_exits_2_and_says_what_was_expected(arguments: list[str], message: str) -> None:
    done = run(*arguments)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stdout == ""


def test_a_repaired_episode_shows_a_failed_run_a_second_edit_and_a_pass(rolled_out: Path) -> None:
    shown = run("show", log_of(rolled_out), "--full").stdout
    failed, passed = shown.index("1 failed, 2 passed"), shown.index("All 3 tests passed.")
    assert failed < shown.index("→ apply_patch") < passed
    assert shown.count("→ apply_patch") >= 2
    assert "passed: all 8 expected tests" in shown.splitlines()[0]


def test_one_turn_can_be_shown(rolled_out: Path) -> None:
    shown = run("show", log_of(rolled_out), "--turn", 2).stdout
    assert "run_tests" in shown
    assert "list_files" not in shown


@pytest.mark.parametrize("more", [(), ("--patch",)])
def test_a_turn_that_is_not_there_is_named(rolled_out: Path, more: tuple[str, ...]) -> None:
    assert "there is no turn 99" in run("show", log_of(rolled_out), "--turn", 99, *more).stderr


def test_stats_and_score_are_computed_from_the_logs(rolled_out: Path) -> None:
    assert document(run("stats", rolled_out, "--json"))["run"]["pass_rate"] == 1.0
    assert document(run("score", rolled_out, "--json"))["mean"] == 1.0


def test_a_users_reward_rescores_without_running_anything(rolled_out: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in rolled_out.rglob("*")}
    done = run("score", rolled_out, "--reward", "examples/short_patches.py:reward", "--json")
    assert 0.5 < document(done)["mean"] < 1.0
    assert {path: path.stat().st_mtime_ns for path in rolled_out.rglob("*")} == before


def test_a_run_verifies_with_digests_as_json(rolled_out: Path) -> None:
    (report,) = document(run("verify", rolled_out, "--json"))
    assert report["condition"] == "sealed"
    assert len(report["semantic_digest"]) == 64


def test_a_recorded_policy_does_again_what_a_log_did(tmp_path: Path) -> None:
    spec = f"recorded:{ROOT / 'replays' / 'gold.jsonl'}"
    done = run("rollout", TASK, "--policy", spec, "--out", tmp_path / "again", "--json")
    assert document(done)["passed"] == 1


def test_a_task_scores_0_untouched_and_empty_and_1_with_its_gold_patch_three_times_the_same() -> None:
    # Of every task: `tests/campaigns/sound.py`.
    results = document(run("tasks", "validate", "url-patterns", "--json"))
    assert {result["id"] for result in results} == {"url-patterns"}
    assert {result["id"]: result["problems"] for result in results if result["problems"]} == {}
    assert {tuple(result["earned"].items()) for result in results} == {(("untouched", 0), ("empty", 0), ("gold", 1))}


def test_tasks_are_listed() -> None:
    listed = {task["id"] for task in document(run("tasks", "list", "--json"))}
    assert "interval-gap" in listed
    assert len(listed) >= 12


def test_doctor_finds_every_promise_kept() -> None:
    done = run("doctor", "--json")
    assert done.returncode == 0
    assert {probe["holds"] for probe in document(done)["probes"]} == {True}


def nap(tmp_path: Path) -> str:
    """A sleep that no other test sleeps."""
    return f"sleep 50.{zlib.crc32(str(tmp_path).encode())}"


def slow_script(tmp_path: Path) -> Path:
    lines = ['{"tool_calls": [{"name": "run_tests", "arguments": {}}]}']
    lines += [
        '{"tool_calls": [{"name": "run_command", "arguments": {"command": "NAP"}}]}'.replace("NAP", nap(tmp_path))
    ] * 5
    path = tmp_path / "slow.jsonl"
    path.write_text("\n".join(lines))
    return path


MAIN = ("-m", "coding_agent.cli.main")


def start_slow(tmp_path: Path, *more: str, main: tuple[str, str] = MAIN) -> tuple[subprocess.Popen[str], Path]:
    out = tmp_path / "run"
    command = [sys.executable, *main, "rollout", str(TASK), "--policy"]
    command += [f"scripted:{slow_script(tmp_path)}", "--out", str(out), "-k", "2", "-n", "2", *more]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + PATIENCE_S
    while not _all_sleep(out, nap(tmp_path)):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return process, out


def _all_sleep(out: Path, command: str) -> bool:
    logs = list(out.glob("episodes/*/*.jsonl"))
    return len(logs) == 2 and all(
        command.encode() in log.read_bytes().splitlines()[-1] for log in logs if log.stat().st_size
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_completes_every_log_and_leaves_nothing_running(tmp_path: Path, number: int) -> None:
    process, out = start_slow(tmp_path)
    process.send_signal(number)
    process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert {verify(log).condition for log in out.glob("episodes/*/*.jsonl")} == {"sealed"}
    assert not running_below(tmp_path)


def test_after_kill_9_verify_says_what_is_incomplete_and_nothing_is_lost(tmp_path: Path) -> None:
    process, out = start_slow(tmp_path)
    process.kill()
    process.communicate(timeout=PATIENCE_S)
    reports = document(run("verify", out, "--json"))
    assert {report["condition"] for report in reports} == {"incomplete"}
    assert {report["events"] for report in reports} == {7}
    deadline = time.monotonic() + PATIENCE_S
    while running_below(tmp_path) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not running_below(tmp_path)


def running_below(tmp_path: Path) -> list[str]:
    """Processes that still sleep on behalf of an agent, as seen from this machine."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            command = place.read_bytes()
        except OSError:
            continue
        if nap(tmp_path).replace(" ", "\0").encode() in command or str(tmp_path).encode() in command:
            found.append(command.decode(errors="replace"))
    return found
