"""A blob is as much part of an episode as its lines: `verify` and `replay` of a log alone notice what became of it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from coding_agent.cli import exits, replay, verify
from coding_agent.store.index import recover_run
from coding_agent.store.rundir import RunDirectory
from tests.samples import episode_with_blob, write_log

FILES = Path(__file__).parents[2] / "replays" / "files.jsonl"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """A recorded episode that needs a blob, with its blobs beside it."""
    shutil.copytree(FILES.parent / "blobs", tmp_path / "blobs")
    return Path(shutil.copy(FILES, tmp_path))


def blob_of(log: Path) -> Path:
    (blob,) = (log.parent / "blobs").iterdir()
    return blob


def answer(command: Any, *arguments: object) -> tuple[int, Any]:
    """The exit code, and what `--json` printed."""
    result = CliRunner().invoke(command, [*map(str, arguments), "--json"], standalone_mode=False)
    if result.exception:
        raise result.exception
    return result.return_value, json.loads(result.stdout)


def test_verify_of_a_log_says_how_many_blobs_it_checked(log: Path) -> None:
    code, (report,) = answer(verify.command, log)
    assert (code, report["condition"], report["blobs"], report["blobs_unchecked"]) == (exits.OK, "sealed", 1, 0)


@pytest.mark.parametrize("accident", ["missing", "damaged"])
def test_verify_of_a_log_names_the_blob_and_the_line(log: Path, accident: str) -> None:
    blob = blob_of(log)
    blob.unlink() if accident == "missing" else blob.write_bytes(blob.read_bytes()[:-1] + b"\n")
    code, (whole, wrong) = answer(verify.command, log)
    assert (code, whole["condition"], whole["blobs"]) == (exits.DAMAGED, "sealed", 0)
    assert (wrong["kind"], wrong["file"], wrong["condition"]) == ("blob", str(blob), accident)
    assert f"of {log} names it" in wrong["problem"]


@pytest.mark.parametrize("at", [0, 40_000, -1])
def test_replay_exits_3_when_one_byte_of_a_blob_was_changed(log: Path, at: int) -> None:
    blob = blob_of(log)
    raw = bytearray(blob.read_bytes())
    raw[at] ^= 1
    blob.write_bytes(raw)
    code, told = answer(replay.command, log)
    (result,) = told["logs"]
    assert (code, result["outcome"]) == (exits.DAMAGED, "damaged")
    assert str(blob) in result["problem"]


def test_a_log_that_left_its_blobs_behind_is_whole_and_says_so(log: Path) -> None:
    shutil.rmtree(log.parent / "blobs")
    code, (report,) = answer(verify.command, log)
    assert (code, report["condition"], report["blobs"], report["blobs_unchecked"]) == (exits.OK, "sealed", 0, 1)
    shown = CliRunner().invoke(verify.command, [str(log)], standalone_mode=False).output
    assert "1 blob not checked: there is no folder blobs/ beside the log" in shown
    assert answer(replay.command, log)[0] == exits.OK


def test_a_log_of_a_run_can_not_have_left_its_blobs_behind(tmp_path: Path) -> None:
    run = RunDirectory.create(tmp_path / "run", {})
    name = run.blobs.put(b"\0" * 70_000)
    log = write_log(run.log_path("toy", 0, 0), episode_with_blob(name), durability="none")
    recover_run(run)
    shutil.rmtree(run.path / "blobs")
    for place in (log, run.path):
        code, reports = answer(verify.command, place)
        assert (code, [report["condition"] for report in reports]) == (exits.DAMAGED, ["sealed", "missing"])


def test_a_folder_of_logs_is_checked_with_its_blobs(log: Path) -> None:
    blob_of(log).write_bytes(b"other")
    code, reports = answer(verify.command, log.parent)
    assert (code, [(each["kind"], each["condition"]) for each in reports]) == (
        exits.DAMAGED, [("log", "sealed"), ("blob", "damaged")]
    )  # fmt: skip
