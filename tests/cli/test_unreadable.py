"""Logs that nobody gave this user the right to read: not judged, never called damaged, and never passed over."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from coding_agent.cli import exits
from coding_agent.errors import StoreUnreadable
from coding_agent.store.index import recover_run
from coding_agent.store.rundir import RunDirectory
from tests.cli.test_commands import ROOT
from tests.cli.test_tasks import BOUND
from tests.samples import toy_episode, write_log

pytestmark = pytest.mark.skipif(bool(BOUND) and shutil.which("setpriv") is None, reason="root, and no setpriv")


@pytest.fixture
def run(tmp_path: Path) -> Iterator[RunDirectory]:
    """A run of one sealed log, one unsealed in another folder, and a blob; what was closed is opened again."""
    run = RunDirectory.create(tmp_path / "run", {})
    write_log(run.log_path("toy", 0, 0), toy_episode(), durability="none")
    write_log(run.log_path("other", 0, 0), toy_episode()[:4], durability="none")
    recover_run(run)
    yield run
    for folder, _, files in os.walk(tmp_path):
        for name in files:
            Path(folder, name).chmod(0o644)
    for task in ("toy", "other"):
        run.log_path(task, 0, 0).parent.chmod(0o755)


def answer(*arguments: object) -> tuple[int, Any, str]:
    """As a user whom permissions bind: the exit code, what `--json` printed, and stderr."""
    command = [*BOUND, sys.executable, "-m", "coding_agent.cli.main", *map(str, arguments), "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    return done.returncode, json.loads(done.stdout or "null"), done.stderr


def closed(path: Path) -> Path:
    path.chmod(0)
    return path


def test_verify_calls_a_log_unreadable_and_says_what_to_do(run: RunDirectory) -> None:
    log = closed(run.log_path("toy", 0, 0))
    code, reports, _ = answer("verify", log)
    assert (code, [each["condition"] for each in reports]) == (exits.REFUSED, ["unreadable"])
    assert reports[0]["problem"] == f"{log}: can not be read: Permission denied"
    assert "chmod u+rX" in reports[0]["next"]["text"]


def test_verify_of_a_run_names_each_log_that_can_not_be_read(run: RunDirectory) -> None:
    logs = [closed(run.log_path(task, 0, 0)) for task in ("other", "toy")]
    code, reports, _ = answer("verify", run.path)
    assert (code, {each["file"]: each["condition"] for each in reports}) == (
        exits.REFUSED, dict.fromkeys(map(str, logs), "unreadable")
    )  # fmt: skip


def test_a_folder_that_can_not_be_listed_is_named_and_not_passed_over(run: RunDirectory) -> None:
    folder = closed(run.log_path("other", 0, 0).parent)
    for place in (run.path, run.path / "episodes"):
        code, reports, _ = answer("verify", place)
        assert (code, [(each["file"], each["condition"]) for each in reports if each["kind"] == "folder"]) == (
            exits.REFUSED, [(str(folder), "unreadable")]
        )  # fmt: skip
    code, _, errors = answer("stats", run.path)
    assert (code, f"{folder}: can not be listed" in errors.replace("\n", "")) == (exits.REFUSED, True)


def test_damage_decides_over_what_can_not_be_read(run: RunDirectory) -> None:
    closed(run.log_path("other", 0, 0))
    log = run.log_path("toy", 0, 0)
    log.write_bytes(log.read_bytes().replace(b"Mend it", b"Bend it"))
    code, reports, _ = answer("verify", run.path)
    assert (code, {each["condition"] for each in reports}) == (exits.DAMAGED, {"damaged", "unreadable"})


@pytest.mark.parametrize("command", ["recover", "replay"])
def test_other_commands_say_the_same_of_it(run: RunDirectory, command: str) -> None:
    log = closed(run.log_path("toy", 0, 0))
    code, told, errors = answer(command, log)
    said = errors + json.dumps(told)
    assert (code, "chmod u+rX" in said, "damaged" in said) == (exits.REFUSED, True, False)


def test_a_torn_log_is_not_cut_while_the_manifest_can_not_say_whether_it_was_sealed(run: RunDirectory) -> None:
    log = run.log_path("other", 0, 0)
    log.write_bytes(log.read_bytes() + b'{"seq":4')
    before, index = log.read_bytes(), closed(run.path / "manifest.jsonl")
    code, _, errors = answer("recover", log)
    assert (code, f"{index}: can not be read: Permission denied" in errors.replace("\n", " ")) == (exits.REFUSED, True)
    assert log.read_bytes() == before
    code, reports, _ = answer("verify", log)
    assert [(each["kind"], each["condition"]) for each in reports] == [("manifest", "unreadable"), ("log", "torn")]


def test_a_torn_log_that_can_not_be_cut_does_not_stop_the_others(run: RunDirectory) -> None:
    logs = [run.log_path(task, 0, 0) for task in ("other", "third")]
    shutil.copytree(logs[0].parent, logs[1].parent)
    for log in logs:
        log.write_bytes(log.read_bytes() + b'{"seq":4')
    logs[0].chmod(0o444)
    code, done, _ = answer("recover", run.path)
    assert (code, [each["report"]["file"] for each in done["recovered"]]) == (exits.DAMAGED, [str(logs[1])])
    assert [(each["file"], each["condition"]) for each in done["refused"]] == [(str(logs[0]), "torn")]
    assert "can not be recovered here: Permission denied" in done["refused"][0]["problem"]


def test_a_blob_that_can_not_be_read_is_not_called_damaged(run: RunDirectory) -> None:
    closed(run.blobs.directory / run.blobs.put(b"content"))
    (blob,) = run.blobs.directory.iterdir()
    asked = "from pathlib import Path; from coding_agent.store.blobs import BlobStore"
    asked += f"; print(BlobStore(Path({str(blob.parent)!r})).problem({blob.name!r}))"
    done = subprocess.run([*BOUND, sys.executable, "-c", asked], capture_output=True, text=True, check=True)
    assert done.stdout == "('unreadable', 'can not be read: Permission denied')\n"


def test_a_listing_that_is_refused_raises(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "episodes").symlink_to("episodes")
    with pytest.raises(StoreUnreadable, match="can not be listed: Too many levels of symbolic links"):
        RunDirectory(tmp_path / "run").logs()
