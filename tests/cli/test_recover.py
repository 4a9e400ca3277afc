"""`coding-agent verify` and `recover`, as people meet them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from coding_agent.cli import exits, recover, replay, show, verify
from coding_agent.errors import UsageError
from coding_agent.store.index import recover_run
from coding_agent.store.rundir import RunDirectory
from tests.samples import toy_episode, write_log


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    run = RunDirectory.create(tmp_path / "run", {})
    write_log(run.log_path("toy", 0, 0), toy_episode(), durability="none")
    recover_run(run)
    return run


def invoke(command: object, *arguments: object) -> Result:
    result = CliRunner().invoke(command, [str(each) for each in arguments], standalone_mode=False)  # type: ignore[arg-type]
    if result.exception:
        raise result.exception
    return result


def test_a_torn_manifest_is_reported_with_what_to_do_and_then_put_right(run: RunDirectory) -> None:
    index = run.path / "manifest.jsonl"
    index.write_bytes(index.read_bytes()[:-7])
    assert invoke(verify.command, run.path).return_value == exits.DAMAGED
    assert invoke(recover.command, run.path).return_value == exits.OK
    assert invoke(verify.command, run.path).return_value == exits.OK


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir, lambda path: path.symlink_to("/dev/zero")])
def test_verify_waits_for_no_configuration_that_is_no_file(run: RunDirectory, make: Callable[[Path], None]) -> None:
    write_log(run.log_path("toy", 1, 0), toy_episode()[:3], durability="none")
    (run.path / "run.toml").unlink()
    make(run.path / "run.toml")
    command = [sys.executable, "-m", "coding_agent.cli.main", "verify", str(run.path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (exits.OK, "")


def test_recover_says_3_when_damage_is_left(run: RunDirectory) -> None:
    log = run.log_path("toy", 0, 0)
    log.write_bytes(log.read_bytes().replace(b"toy", b"joy", 1))
    assert invoke(recover.command, run.path).return_value == exits.DAMAGED


@pytest.mark.parametrize("command", [verify.command, show.command, replay.command])
def test_a_manifest_is_no_log_and_its_run_is_named(run: RunDirectory, command: object) -> None:
    with pytest.raises(UsageError, match=f"is a manifest, .*: coding-agent verify {run.path}$"):
        invoke(command, run.path / "manifest.jsonl")


@pytest.mark.parametrize("folder", ["episodes", "episodes/toy", ".."])
def test_of_a_folder_too_a_log_that_the_manifest_names_is_missed(run: RunDirectory, folder: str) -> None:
    write_log(run.log_path("toy", 1, 0), toy_episode(), durability="none")
    recover_run(run)
    run.log_path("toy", 0, 0).unlink()
    done = invoke(verify.command, run.path / folder, "--json")
    assert [each["condition"] for each in json.loads(done.stdout)] == ["missing", "sealed"]
    assert done.return_value == exits.DAMAGED


def test_of_a_folder_that_is_gone_every_log_is_missed(run: RunDirectory) -> None:
    shutil.rmtree(run.path / "episodes" / "toy")
    done = invoke(verify.command, run.path / "episodes" / "toy", "--json")
    assert [each["condition"] for each in json.loads(done.stdout)] == ["missing"]


@pytest.mark.parametrize(("arguments", "told"), [(["--rebuild"], "name the directory"), ([], "is a manifest")])
def test_what_can_not_be_recovered_so_says_how(run: RunDirectory, arguments: list[str], told: str) -> None:
    path = run.log_path("toy", 0, 0) if arguments else run.path / "manifest.jsonl"
    with pytest.raises(Exception, match=told):
        invoke(recover.command, path, *arguments)
