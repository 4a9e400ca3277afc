"""Recording: a finished episode of a run becomes a golden one; anything else is refused and nothing is written."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from coding_agent.errors import LogDamaged, StoreError, UsageError
from coding_agent.events.schema import EpisodeStarted
from coding_agent.replay.expected import expected_file
from coding_agent.replay.golden import check, record
from tests.cli.test_commands import document
from tests.cli.test_commands import run as command
from tests.replay.rewriting import rewrite
from tests.rollout.worlds import job, roll_out
from tests.stories import STORIES


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("record") / "run"
    anyio.run(functools.partial(roll_out, folder, [job(STORIES["files"].policy)]))
    return folder


def log_of(run: Path) -> Path:
    return run / "episodes" / "toy" / "0.0.jsonl"


def test_a_finished_episode_becomes_a_golden_one_byte_for_byte_with_its_blobs(run: Path, tmp_path: Path) -> None:
    golden = record(log_of(run), tmp_path, "large-file")
    assert golden.read_bytes() == log_of(run).read_bytes()
    assert len(list((tmp_path / "blobs").iterdir())) == 1
    assert check(golden) is None


def test_a_name_that_is_taken_is_refused(run: Path, tmp_path: Path) -> None:
    record(log_of(run), tmp_path, "a")
    with pytest.raises(UsageError, match="is there already"):
        record(log_of(run), tmp_path, "a")


@pytest.mark.parametrize("name", ["../escaped", "", "a/b", ".hidden", "manifest"])
def test_a_name_is_no_path(run: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(UsageError, match="--name"):
        record(log_of(run), tmp_path / "replays", name)


def test_of_several_none_is_kept_when_one_is_refused(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "run")
    unsealed(tmp_path / "run")
    log_of(tmp_path / "run").rename(other := log_of(tmp_path / "run").with_name("1.0.jsonl"))
    done = command("record", log_of(run), other, "--to", tmp_path / "replays")
    assert done.returncode == 2
    assert "has no Done" in done.stderr
    assert not (tmp_path / "replays").exists()


def test_two_logs_that_would_have_one_name_are_refused_before_anything_is_written(run: Path, tmp_path: Path) -> None:
    shutil.copytree(run, tmp_path / "run")
    done = command("record", log_of(run), log_of(tmp_path / "run"), "--to", tmp_path / "replays")
    assert done.returncode == 2
    assert "2 logs, and several would be toy-0-0; record them one by one" in " ".join(done.stderr.split())
    assert not (tmp_path / "replays").exists()


def exchanged(run: Path) -> None:
    """Another log than the one that the manifest was written for, and intact."""
    rewrite(log_of(run), run / "other.jsonl", EpisodeStarted, harness="another").replace(log_of(run))


def unsealed(run: Path) -> None:
    (run / "manifest.jsonl").unlink()
    log_of(run).write_bytes(b"".join(log_of(run).read_bytes().splitlines(keepends=True)[:-1]))


def damaged(run: Path) -> None:
    log_of(run).write_bytes(log_of(run).read_bytes().replace(b"toy", b"tOy", 1))


def without_blobs(run: Path) -> None:
    shutil.rmtree(run / "blobs")


@pytest.mark.parametrize(
    ("spoil", "error"),
    [(unsealed, UsageError), (damaged, LogDamaged), (without_blobs, StoreError), (exchanged, LogDamaged)],
)
def test_what_could_not_be_relied_on_is_refused_and_nothing_is_written(
    run: Path, tmp_path: Path, spoil: Callable[[Path], None], error: type[Exception]
) -> None:
    spoil(Path(shutil.copytree(run, tmp_path / "run")))
    with pytest.raises(error):
        record(log_of(tmp_path / "run"), tmp_path / "replays", "a")
    assert not (tmp_path / "replays").exists()


def test_the_command_names_what_it_made(run: Path, tmp_path: Path) -> None:
    done = command("record", log_of(run), "--to", tmp_path, "--json")
    assert done.returncode == 0, done.stderr
    (made,) = document(done)
    assert made == {"log": str(tmp_path / "toy-0-0.jsonl"), "expected": str(expected_file(tmp_path / "toy-0-0.jsonl"))}
