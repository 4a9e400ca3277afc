"""A run directory after an accident: the manifest is put right from the logs, logs are cut, damage stays."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from coding_agent.errors import LogDamaged, LogLocked
from coding_agent.store.index import entry_of, recover_run
from coding_agent.store.manifest import read_manifest
from coding_agent.store.recover import recover
from coding_agent.store.rundir import RunDirectory
from tests.samples import episode_with_blob, toy_episode, write_log


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    """Three sealed logs, all in the manifest."""
    run = RunDirectory.create(tmp_path / "run", {"seed": 3})
    manifest = run.manifest()
    for sample in range(3):
        log = write_log(run.log_path("toy", sample, 0), toy_episode(), durability="none")
        entry = entry_of(log, str(log.relative_to(run.path)))
        assert entry is not None
        manifest.append(entry)
    manifest.close()
    return run


def index(run: RunDirectory) -> Path:
    return run.path / "manifest.jsonl"


def conditions(run: RunDirectory) -> list[tuple[str, str]]:
    return [(report.kind, report.condition) for report in run.verify()]


def test_a_run_that_is_whole_is_left_alone(run: RunDirectory) -> None:
    before = index(run).read_bytes()
    done = recover_run(run)
    assert (done.recovered, done.refused, done.manifest, done.added) == ((), (), None, ())
    assert index(run).read_bytes() == before


@pytest.mark.parametrize("cut", [1, 40, 300])
def test_a_torn_manifest_is_completed_from_the_logs(run: RunDirectory, cut: int) -> None:
    whole = index(run).read_bytes()
    index(run).write_bytes(whole[:-cut])
    assert ("manifest", "torn") in conditions(run)
    done = recover_run(run)
    assert done.added == ("episodes/toy/2.0.jsonl",)
    assert done.manifest is not None
    assert (index(run).read_bytes(), done.manifest.read_bytes()) == (whole, whole[:-cut])


def test_a_manifest_that_is_gone_is_written_anew(run: RunDirectory) -> None:
    whole = index(run).read_bytes()
    index(run).unlink()
    recover_run(run)
    assert index(run).read_bytes() == whole


def test_a_damaged_manifest_is_refused_with_the_way_out(run: RunDirectory) -> None:
    index(run).write_bytes(index(run).read_bytes().replace(b"toy", b"joy", 1))
    assert conditions(run)[0] == ("manifest", "damaged")
    with pytest.raises(LogDamaged, match="recover DIR --rebuild"):
        recover_run(run)


def test_a_damaged_manifest_is_rebuilt_when_asked_and_kept(run: RunDirectory) -> None:
    whole = index(run).read_bytes()
    damaged = whole.replace(b"toy", b"joy", 1)
    index(run).write_bytes(damaged)
    done = recover_run(run, rebuild=True)
    assert done.manifest is not None
    assert sorted(each.path for each in read_manifest(index(run))) == [f"episodes/toy/{n}.0.jsonl" for n in range(3)]
    assert (done.manifest.read_bytes(), conditions(run)) == (damaged, [("log", "sealed")] * 3)


@pytest.mark.parametrize("shortened", [0, 1, 2])
def test_rebuilding_the_manifest_does_not_make_torn_what_any_line_says_was_sealed(
    run: RunDirectory, shortened: int
) -> None:
    index(run).write_bytes(index(run).read_bytes().replace(b"toy", b"joy", 1))
    log = run.log_path("toy", shortened, 0)
    log.write_bytes(content := log.read_bytes()[:-9])
    done = recover_run(run, rebuild=True)
    assert [(each.file, each.condition) for each in done.refused] == [(str(log), "damaged")]
    assert recover_run(run).refused == done.refused
    assert log.read_bytes() == content


def test_no_log_is_cut_while_a_lost_line_of_the_manifest_may_have_named_it(run: RunDirectory) -> None:
    index(run).write_bytes(index(run).read_bytes().replace(b'"path":"episodes/toy/0', b'"path":"episodes/joy/0', 1))
    log = run.log_path("toy", 0, 0)
    log.write_bytes(content := log.read_bytes()[:-9])
    (left,) = recover_run(run, rebuild=True).refused
    assert (left.file, left.condition, log.read_bytes()) == (str(log), "torn", content)
    assert "manifest.jsonl.torn lost may have said that it was sealed" in (left.problem or "")


def test_rebuilding_cuts_what_was_never_sealed(run: RunDirectory) -> None:
    index(run).write_bytes(index(run).read_bytes().replace(b"toy", b"joy", 1))
    torn = write_log(run.log_path("toy", 3, 0), toy_episode()[:4], durability="none")
    torn.write_bytes(torn.read_bytes() + b"{")
    done = recover_run(run, rebuild=True)
    assert ([each.report.file for each in done.recovered], done.refused) == ([str(torn)], ())


def test_what_was_sealed_just_before_the_crash_joins_the_manifest(run: RunDirectory) -> None:
    write_log(run.log_path("toy", 3, 0), toy_episode(), durability="none")
    write_log(run.log_path("toy", 4, 0), toy_episode()[:4], durability="none")
    run.log_path("toy", 5, 0).touch()
    assert recover_run(run).added == ("episodes/toy/3.0.jsonl",)
    assert len(list(read_manifest(index(run)))) == 4


def test_torn_logs_are_cut_and_damaged_ones_left_alone(run: RunDirectory) -> None:
    torn = write_log(run.log_path("toy", 3, 0), toy_episode()[:4], durability="none")
    torn.write_bytes(torn.read_bytes() + b"{")
    damaged = run.log_path("toy", 0, 0)
    damaged.write_bytes(content := damaged.read_bytes().replace(b"toy", b"joy", 1))
    done = recover_run(run)
    assert [Path(each.report.file) for each in done.recovered] == [torn]
    assert [(each.file, each.condition) for each in done.refused] == [(str(damaged), "damaged")]
    assert damaged.read_bytes() == content


def test_a_sealed_log_is_not_torn_whatever_its_last_line_looks_like(run: RunDirectory) -> None:
    log = run.log_path("toy", 0, 0)
    log.write_bytes(content := log.read_bytes()[:-9])
    with pytest.raises(LogDamaged, match="it was sealed with 9 events, as the manifest says"):
        recover(log)
    assert log.read_bytes() == content


@pytest.mark.parametrize("way", ["from the folder", "link to the log", "link to the folder"])
def test_whichever_way_leads_to_a_sealed_log_it_is_not_cut(
    run: RunDirectory, way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log = run.log_path("toy", 0, 0)
    log.write_bytes(content := log.read_bytes()[:-9])
    monkeypatch.chdir(log.parent)
    (tmp_path / "l.jsonl").symlink_to(log)
    (tmp_path / "folder").symlink_to(log.parent)
    ways = {"link to the log": tmp_path / "l.jsonl", "link to the folder": tmp_path / "folder" / log.name}
    with pytest.raises(LogDamaged, match=r"as the manifest says \(line 1 of "):
        recover(ways.get(way, Path("..", "toy", log.name)))
    assert log.read_bytes() == content


def test_a_run_that_links_to_where_its_logs_are_knows_them(run: RunDirectory, tmp_path: Path) -> None:
    (run.path / "episodes").rename(tmp_path / "elsewhere")
    (run.path / "episodes").symlink_to(tmp_path / "elsewhere")
    log = run.log_path("toy", 0, 0)
    log.write_bytes(log.read_bytes()[:-9])
    with pytest.raises(LogDamaged, match="as the manifest says"):
        recover(log)


def test_the_original_of_a_linked_log_is_kept_beside_the_log(run: RunDirectory, tmp_path: Path) -> None:
    torn = write_log(run.log_path("toy", 3, 0), toy_episode()[:4], durability="none")
    torn.write_bytes(torn.read_bytes() + b"{")
    (tmp_path / "l.jsonl").symlink_to(torn)
    assert recover(tmp_path / "l.jsonl").original == torn.with_name("3.0.jsonl.torn")


def test_a_log_is_not_cut_when_the_manifest_is_damaged_before_it_could_name_it(run: RunDirectory) -> None:
    index(run).write_bytes(index(run).read_bytes().replace(b"toy", b"joy", 1))
    log = run.log_path("toy", 2, 0)
    log.write_bytes(content := log.read_bytes()[:-9])
    with pytest.raises(LogDamaged, match=r"manifest\.jsonl, line 1, byte 0: whether .* was sealed can not be known"):
        recover(log)
    assert log.read_bytes() == content


def test_recovering_twice_does_nothing_the_second_time(run: RunDirectory) -> None:
    index(run).write_bytes(index(run).read_bytes()[:-5])
    recover_run(run)
    again = recover_run(run)
    assert (again.manifest, again.added, again.recovered) == (None, (), ())


def test_a_run_that_goes_on_is_not_recovered(run: RunDirectory) -> None:
    manifest = run.manifest()
    with pytest.raises(LogLocked):
        recover_run(run)
    manifest.close()


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_manifest_is_moved_aside_when_it_is_rebuilt(run: RunDirectory, make: Callable[[Path], None]) -> None:
    before = index(run).read_bytes()
    index(run).unlink()
    make(index(run))
    (report,) = (each for each in run.verify() if each.kind == "manifest")
    assert report.advice.command == ("recover", str(run.path), "--rebuild")
    done = recover_run(run, rebuild=True)
    assert (done.manifest, index(run).read_bytes()) == (run.path / "manifest.jsonl.torn", before)
    assert done.manifest is not None
    assert not done.manifest.is_file()


@pytest.mark.parametrize("accident", ["missing", "damaged"])
def test_a_blob_that_is_not_there_is_reported_with_the_line_that_names_it(run: RunDirectory, accident: str) -> None:
    name = run.blobs.put(b"\0\xff")
    log = write_log(run.log_path("toy", 9, 0), episode_with_blob(name), durability="none")
    assert not any(kind == "blob" for kind, _ in conditions(run))
    blob = run.path / "blobs" / name
    blob.unlink() if accident == "missing" else blob.write_bytes(b"other")
    report = next(each for each in run.verify() if each.kind == "blob")
    assert (report.file, report.condition) == (str(blob), accident)
    assert f"line 4 of {log} names it" in (report.problem or "")
