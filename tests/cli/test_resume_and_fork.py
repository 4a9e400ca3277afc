"""Resuming and forking as a user does it: a run that was killed, a log to branch from, and what can go wrong."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import pytest
import tomli_w

from coding_agent.cli.running import Options
from coding_agent.errors import UsageError
from coding_agent.store.rundir import RunDirectory
from tests.cli.test_commands import EPISODE, ROOT, TASK, document, log_of, run

OTHER = TASK.with_name("money-split")


def kill_after(events: int, out: Path, script: Path) -> None:
    """Roll out two episodes of many quick calls, and kill everything when the first log has so many events."""
    calls = ['{"tool_calls": [{"name": "run_command", "arguments": {"command": "date >> when.txt"}}]}'] * 38
    submit = '{"tool_calls": [{"name": "submit", "arguments": {"status": "blocked", "summary": "over"}}]}'
    script.write_text("\n".join([*calls, submit]))
    command = [sys.executable, "-m", "coding_agent.cli.main", "rollout", str(TASK), "--policy", f"scripted:{script}"]
    with subprocess.Popen([*command, "--out", out, "-k", "3", "-n", "2", "-q"], cwd=ROOT) as process:
        log = log_of(out)
        while process.poll() is None and not (log.exists() and log.read_bytes().count(b"\n") > events):
            time.sleep(0.01)
        process.kill()


def test_a_run_that_was_killed_is_gone_on_with_from_anywhere(tmp_path: Path) -> None:
    out = tmp_path / "run"
    kill_after(20, out, tmp_path / "script.jsonl")
    before = log_of(out).read_bytes()
    done = run("resume", out, "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    reports = document(run("verify", out, "--json"))
    assert [report["condition"] for report in reports] == ["sealed"] * 3
    assert log_of(out).read_bytes().startswith(before[: before.rindex(b"\n") + 1])
    assert {outcome["turns"] for outcome in document(done)["episodes"]} == {39}


def test_a_finished_run_is_left_as_it_is(rolled_out: Path) -> None:
    before = log_of(rolled_out).read_bytes()
    done = run("resume", rolled_out, "--json")
    assert (done.returncode, document(done)["kept"]) == (0, [str(log_of(rolled_out))])
    assert log_of(rolled_out).read_bytes() == before


def test_a_folder_that_is_no_run_is_named(tmp_path: Path) -> None:
    done = run("resume", tmp_path)
    assert done.returncode == 2
    assert "has no run.toml" in done.stderr


def test_a_run_toml_of_somebody_else_is_refused_by_key(rolled_out: Path, tmp_path: Path) -> None:
    shutil.copytree(rolled_out, tmp_path / "run")
    (tmp_path / "run/run.toml").write_text('tasks = "all"\npolish = "repair"\n')
    done = run("resume", tmp_path / "run")
    assert done.returncode == 2
    assert "run.toml is not what a run was begun with: expected the field 'policy'" in done.stderr


WRONG = {
    'concurrency = "4"': "concurrency: expected an integer, found '4'",
    "retries = true": "retries: expected an integer, found True",
    "n_samples = 1.9": "n_samples: expected an integer, found 1.9",
    'tasks = "tasks"': "tasks: expected a list, found 'tasks'",
    "concurrency = 0": "concurrency: expected 1 or more, found 0",
    'durability = "most"': "durability: expected one of",
    'polish = "repair"': "polish: there is no such option",
}


@pytest.mark.parametrize(("line", "told"), WRONG.items())
def test_a_run_toml_that_was_changed_is_read_strictly(rolled_out: Path, tmp_path: Path, line: str, told: str) -> None:
    told_then = tomllib.loads((rolled_out / "run.toml").read_text())
    told_then.pop(line.partition(" ")[0], None)
    (tmp_path / "run.toml").write_text(f"{line}\n{tomli_w.dumps(told_then)}")
    with pytest.raises(UsageError, match=re.escape(f"run.toml is not what a run was begun with: {told}")):
        Options.of(RunDirectory.open(tmp_path))


def test_a_run_toml_as_it_was_written_is_read(rolled_out: Path) -> None:
    options = Options.of(RunDirectory.open(rolled_out))
    assert (options.n_samples, options.sandbox, options.durability) == (1, "bubblewrap", "group")


def test_a_log_that_can_not_be_begun_costs_no_other_and_is_told_of(tmp_path: Path) -> None:
    in_the_way = tmp_path / "run" / "episodes" / TASK.name
    in_the_way.parent.mkdir(parents=True)
    in_the_way.write_text("in the way")
    done = run("rollout", TASK, OTHER, "--policy", "gold", "--out", tmp_path / "run", "-n", "1")
    assert done.returncode == 6
    assert "1 episodes could not be recorded to their end" in done.stderr
    assert [line.split()[2:4] for line in done.stdout.splitlines()[1:3]] == [["not", "graded"], ["passed", "submitted"]]
    in_the_way.unlink()
    assert run("resume", tmp_path / "run").returncode == 0
    assert [report["condition"] for report in document(run("verify", tmp_path / "run", "--json"))] == ["sealed"] * 2


def test_a_damaged_log_is_refused_and_the_exit_says_so(rolled_out: Path, tmp_path: Path) -> None:
    shutil.copytree(rolled_out, tmp_path / "run")
    log = log_of(tmp_path / "run")
    log.write_bytes(log.read_bytes().replace(b"interval", b"Interval", 1))
    done = run("resume", tmp_path / "run")
    assert done.returncode == 3
    assert "damaged" in done.stderr


def test_a_fork_goes_on_with_another_policy(tmp_path: Path) -> None:
    give_up = '{"tool_calls": [{"name": "submit", "arguments": {"status": "blocked", "summary": "no"}}]}\n'
    (tmp_path / "script.jsonl").write_text(give_up * 3)
    policy = f"scripted:{tmp_path / 'script.jsonl'}"
    done = run("fork", EPISODE, "--at", 4, "--policy", policy, "--out", tmp_path / "fork", "--json")
    assert done.returncode == 0, done.stderr
    (outcome,) = document(done)["episodes"]
    assert (outcome["reason"], outcome["turns"]) == ("blocked", 3)
    assert run("replay", outcome["path"]).returncode == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--at", "44"], "fork it at"),
        (["--at", "99"], "its last is 44"),
        (["--at", "4", "--tasks", str(ROOT / "tasks" / "topic-bus")], "the log is of the task interval-gap"),
        (["--at", "4", "--policy", "human"], "expected one of"),
    ],
)
def test_a_fork_that_can_not_be_is_explained(tmp_path: Path, arguments: list[str], message: str) -> None:
    done = run("fork", EPISODE, *arguments, "--out", tmp_path / "fork")
    assert done.returncode == 2
    assert message in " ".join(done.stderr.split())
    assert not (tmp_path / "fork").exists()


def test_a_task_that_has_changed_since_is_refused(tmp_path: Path) -> None:
    task = shutil.copytree(TASK, tmp_path / "tasks" / TASK.name)
    toml = task / "task.toml"
    toml.write_text(toml.read_text().replace("half", "hälf", 1))
    done = run("fork", EPISODE, "--at", 4, "--tasks", tmp_path / "tasks", "--out", tmp_path / "fork")
    assert done.returncode == 2
    assert "give the task as it was" in " ".join(done.stderr.split())


def test_what_was_sealed_but_not_yet_in_the_manifest_is_named_there(rolled_out: Path, tmp_path: Path) -> None:
    shutil.copytree(rolled_out, tmp_path / "run")
    manifest = tmp_path / "run" / "manifest.jsonl"
    manifest.write_bytes(manifest.read_bytes()[:-20])
    assert run("verify", tmp_path / "run").returncode == 3
    assert run("resume", tmp_path / "run").returncode == 0
    assert run("verify", tmp_path / "run").returncode == 0


def test_a_run_that_is_still_written_is_not_gone_on_with(rolled_out: Path, tmp_path: Path) -> None:
    from coding_agent.store.rundir import RunDirectory

    shutil.copytree(rolled_out, tmp_path / "run")
    manifest = RunDirectory.open(tmp_path / "run").manifest()
    done = run("resume", tmp_path / "run")
    manifest.close()
    assert done.returncode == 6
    assert "another process is writing" in " ".join(done.stderr.split())
