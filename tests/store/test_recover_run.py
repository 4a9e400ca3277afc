"""A run directory after an accident: the manifest is put right from the logs, logs are cut, damage stays."""

from __future__ import annotations

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
    assert (index(run).read_bytes(), done.manifest.read_bytes()) == (whole, damaged)


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


@pytest.mark.parametrize("accident", ["missing", "damaged"])
def test_a_blob_that_is_not_there_is_reported_with_the_line_that_names_it(run: RunDirectory, accident: str) -> None:
    name = run.blobs.put(b"\0\xff")
    log = write_log(run.log_path("toy", 9, 0), episode_with_blob(name), durability="none")
    assert all(kind == "log" for kind, _ in conditions(run))
    blob = run.path / "blobs" / name
    blob.unlink() if accident == "missing" else blob.write_bytes(b"other")
    report = next(each for each in run.verify() if each.kind == "blob")
    assert (report.file, report.condition) == (str(blob), accident)
    assert f"line 4 of {log} names it" in (report.problem or "")
