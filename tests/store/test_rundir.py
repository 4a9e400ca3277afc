from __future__ import annotations

import hashlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import attrs
import orjson
import pytest

from coding_agent.errors import LogDamaged, LogLocked, LogTorn, StoreError, UsageError
from coding_agent.events.schema import Done
from coding_agent.store.blobs import BlobStore
from coding_agent.store.index import recover_run
from coding_agent.store.manifest import SEED, Entry, Manifest, read_manifest
from coding_agent.store.reader import verify
from coding_agent.store.recover import recover
from coding_agent.store.rundir import RunDirectory, blobs_of, verify_log, verify_logs
from tests.samples import toy_episode, write_log


def sealed(run: RunDirectory, *, times: int = 1) -> Path:
    path = write_log(run.log_path("toy", 0, 0), toy_episode())
    report = verify(path)
    entry = Entry(
        at="now", episode="toy.0.0", path=str(path.relative_to(run.path)), task="toy", sample=0, attempt=0,
        events=report.events, head=report.head, semantic_digest=report.semantic_digest, summary={"reason": "submitted"},
    )  # fmt: skip
    manifest = run.manifest()
    for _ in range(times):
        manifest.append(entry)
    manifest.close()
    return path


def forge_manifest(manifest: Path, **changes: object) -> None:
    """Change its entries to what no release writes, and fit the chain to it."""
    chain, whole = SEED, b""
    for raw in manifest.read_bytes().splitlines():
        entry = {**orjson.loads(raw), **changes}
        del entry["chain"]
        head = orjson.dumps(entry)[:-1]
        chain = hashlib.sha256(chain.encode() + head).hexdigest()
        whole += head + f',"chain":"{chain}"}}\n'.encode()
    manifest.write_bytes(whole)


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    return RunDirectory.create(tmp_path / "run", {"seed": 3})


def test_a_run_directory_says_how_it_was_configured(run: RunDirectory) -> None:
    assert RunDirectory.open(run.path).configuration == {"seed": 3}


def test_a_run_directory_is_made_once(run: RunDirectory) -> None:
    with pytest.raises(UsageError, match="already holds a run"):
        RunDirectory.create(run.path, {})


def test_any_other_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"it has no run\.toml"):
        RunDirectory.open(tmp_path)


def test_a_whole_run_verifies(run: RunDirectory) -> None:
    sealed(run)
    assert [report.condition for report in run.verify()] == ["sealed"]


def test_the_manifest_notices_a_missing_file(run: RunDirectory) -> None:
    sealed(run).unlink()
    assert [report.condition for report in run.verify()] == ["missing"]


def test_the_manifest_notices_a_missing_tail(run: RunDirectory) -> None:
    path = sealed(run)
    path.write_bytes(b"".join(path.read_bytes().splitlines(keepends=True)[:-2]))
    (report,) = run.verify()
    assert (report.condition, report.line, report.byte) == ("damaged", 8, path.stat().st_size)
    assert f"{path}, line 8, byte {report.byte}: the end is gone: line 1 of {run.path}" in (report.problem or "")


def test_a_sealed_log_that_lost_its_end_in_the_middle_of_a_line_is_damage_at_that_line(run: RunDirectory) -> None:
    path = sealed(run)
    raw = path.read_bytes()
    path.write_bytes(raw[:-20])
    for (report,) in (list(run.verify()), list(verify_log(path))):
        last = raw.rindex(b"\n", 0, -1) + 1
        assert (report.condition, report.line, report.byte) == ("damaged", len(toy_episode()), last)
        assert "never completely written" in (report.problem or "")
        assert f"; line 1 of {run.path / 'manifest.jsonl'} says 9 events" in (report.problem or "")


def test_a_log_that_was_sealed_is_not_cut_through_a_link_from_elsewhere(run: RunDirectory, tmp_path: Path) -> None:
    path = sealed(run)
    path.write_bytes(path.read_bytes()[:-9])
    (link := tmp_path / "link.jsonl").symlink_to(path)
    assert [report.condition for report in verify_log(link)] == ["damaged"]
    with pytest.raises(LogDamaged, match="it was sealed with 9 events, as the manifest says"):
        recover(link)


def test_a_log_that_is_a_link_in_its_run_is_known_by_its_name_there(run: RunDirectory, tmp_path: Path) -> None:
    path = sealed(run)
    path.rename(tmp_path / "kept")
    path.symlink_to(tmp_path / "kept")
    path.write_bytes(path.read_bytes()[:-9])
    assert [report.condition for report in verify_log(path)] == ["damaged"]


def test_links_in_a_circle_are_unreadable(tmp_path: Path) -> None:
    (loop := tmp_path / "loop.jsonl").symlink_to("loop.jsonl")
    (report,) = verify_log(loop)
    assert (report.condition, report.problem) == (
        "unreadable", f"{loop}: can not be read: Too many levels of symbolic links"
    )  # fmt: skip


def test_another_log_in_the_place_of_a_sealed_one_is_damage_from_its_first_byte(run: RunDirectory) -> None:
    path = sealed(run)
    path.unlink()
    *events, done = toy_episode()
    assert isinstance(done, Done)
    write_log(path, [*events, attrs.evolve(done, summary="other")])
    (report,) = run.verify()
    assert (report.condition, report.line, report.byte) == ("damaged", 1, 0)
    assert f"{path}, line 1, byte 0: this is not that log: line 1 of {run.path}" in (report.problem or "")


def test_a_missing_log_is_reported_with_the_line_that_names_it(run: RunDirectory) -> None:
    path = sealed(run)
    path.unlink()
    for (report,) in (list(run.verify()), list(verify_log(path))):
        assert f"; line 1 of {run.path / 'manifest.jsonl'} names it" in (report.problem or "")


@pytest.mark.parametrize("loss", ["emptied", "gone"])
def test_a_manifest_that_does_not_name_what_is_sealed_is_incomplete(run: RunDirectory, loss: str) -> None:
    path, manifest = sealed(run), run.path / "manifest.jsonl"
    manifest.write_bytes(b"") if loss == "emptied" else manifest.unlink()
    for log, report in (list(run.verify()), list(verify_log(path))):
        assert (log.condition, report.kind, report.condition) == ("sealed", "manifest", "incomplete")
        assert report.problem == f"{manifest}: it does not name what is sealed: episodes/toy/0.0.jsonl"
    recover_run(run)
    assert [report.condition for report in run.verify()] == ["sealed"]


def test_a_manifest_that_does_not_name_many_is_one_report(run: RunDirectory) -> None:
    logs = [write_log(run.log_path("toy", n, 0), toy_episode(), durability="none") for n in range(5)]
    for reports in (list(run.verify()), list(verify_logs(logs))):
        assert [report.kind for report in reports] == ["log"] * 5 + ["manifest"]
        assert (reports[-1].problem or "").endswith("episodes/toy/2.0.jsonl and 2 more")


def test_a_changed_manifest_is_damage(run: RunDirectory) -> None:
    sealed(run, times=2)
    manifest = run.path / "manifest.jsonl"
    manifest.write_bytes(manifest.read_bytes().replace(b'"toy"', b'"joy"', 1))
    with pytest.raises(LogDamaged, match=r"line 1, byte 0: .* the chain does not fit"):
        list(read_manifest(manifest))


def test_a_last_line_of_the_manifest_that_is_wrong_is_torn(run: RunDirectory) -> None:
    sealed(run, times=2)
    manifest = run.path / "manifest.jsonl"
    manifest.write_bytes(manifest.read_bytes()[:-20] + bytes(20))
    with pytest.raises(LogTorn, match="line 2, byte"):
        list(read_manifest(manifest))


def test_a_last_line_of_the_manifest_that_was_changed_is_damage(run: RunDirectory) -> None:
    sealed(run, times=2)
    manifest = run.path / "manifest.jsonl"
    raw = manifest.read_bytes()
    for changed in (raw[:-9] + b"x" + raw[-8:], raw[:-1] + b"x"):
        manifest.write_bytes(changed)
        with pytest.raises(LogDamaged, match="line 2, byte"):
            list(read_manifest(manifest))


@pytest.mark.parametrize(
    "path", ["../other/0.0.jsonl", "/etc/passwd", "episodes/../../x.jsonl", "", ".", "episodes//a.jsonl", "a\0b"]
)
def test_a_manifest_that_names_what_is_not_below_its_run_is_damage(run: RunDirectory, path: str) -> None:
    log = sealed(run)
    manifest = run.path / "manifest.jsonl"
    forge_manifest(manifest, path=path)
    for reports in (list(run.verify()), list(verify_log(log))):
        assert [(each.kind, each.condition) for each in reports] == [("manifest", "damaged"), ("log", "sealed")]
        assert (
            f"line 1, byte 0: not what was written: not an entry: path: expected one below the run directory, "
            f"found {path!r}" in (reports[0].problem or "")
        )
    recover_run(run, rebuild=True)
    assert [report.condition for report in run.verify()] == ["sealed"]


def test_a_manifest_without_line_ends_is_read_in_pieces(run: RunDirectory) -> None:
    sealed(run)
    manifest = run.path / "manifest.jsonl"
    with manifest.open("ab") as stream:
        stream.truncate(5 << 30)
    # A process of its own with a bound: what was read whole would not fit.
    program = (
        "import resource, sys; resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))\n"
        "from pathlib import Path; from coding_agent.store.rundir import RunDirectory\n"
        f"print([each.condition for each in RunDirectory(Path({str(run.path)!r})).verify()])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.stdout == "['damaged', 'sealed']\n", done.stderr


def test_a_torn_manifest_is_not_appended_to(run: RunDirectory) -> None:
    sealed(run)
    manifest = run.path / "manifest.jsonl"
    manifest.write_bytes(manifest.read_bytes()[:-5])
    with pytest.raises(LogTorn):
        run.manifest()


def test_a_manifest_has_one_writer(run: RunDirectory) -> None:
    first = run.manifest()
    with pytest.raises(LogLocked):
        Manifest(run.path / "manifest.jsonl")
    first.close()


def test_threads_that_append_at_once_leave_a_whole_chain(run: RunDirectory) -> None:
    manifest = run.manifest()
    entry = Entry(
        at="now", episode="e", path="p", task="t", sample=0, attempt=0, events=1, head="h", semantic_digest="d", summary={}
    )  # fmt: skip
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: manifest.append(attrs.evolve(entry, sample=n), durable=False), range(200)))
    manifest.close()
    assert {each.sample for each in read_manifest(run.path / "manifest.jsonl")} == set(range(200))


@pytest.mark.parametrize("task", ["plain", "a/b", "..", ".hidden", "x" * 100, "ü%"])
def test_any_task_id_has_a_place_of_its_own_below_episodes(run: RunDirectory, task: str) -> None:
    path = run.log_path(task, 1, 2)
    assert path.parent.parent == run.path / "episodes"
    assert path.name == "1.2.jsonl"


def test_a_blob_comes_back_by_its_hash(tmp_path: Path) -> None:
    store = BlobStore(tmp_path / "blobs")
    name = store.put(b"\0\xff")
    assert store.put(b"\0\xff") == name
    assert store.get(name) == b"\0\xff"


def test_a_blob_that_is_not_what_its_name_says_is_damage(tmp_path: Path) -> None:
    store = BlobStore(tmp_path)
    name = store.put(b"a")
    (tmp_path / name).write_bytes(b"b")
    with pytest.raises(LogDamaged, match="not what the name says"):
        store.get(name)


def test_a_blob_that_is_longer_than_any_is_damage_and_not_read_into_memory(tmp_path: Path) -> None:
    store = BlobStore(tmp_path / "blobs")
    name = store.put(b"content")
    with (store.directory / name).open("ab") as stream:
        stream.truncate(1 << 40)
    with pytest.raises(LogDamaged, match="longer than any blob"):
        store.get(name)
    assert store.problem(name) == ("damaged", "it is longer than any blob, which has at most 1073741824 bytes")
    assert store.put(b"content") == name
    assert store.get(name) == b"content"


def test_the_blobs_of_a_log_are_in_its_run_or_beside_it(run: RunDirectory) -> None:
    (kept := run.path / "checkout" / "replays").mkdir(parents=True)
    assert blobs_of(run.log_path("a/b", 0, 0)).directory == run.path / "blobs"
    assert blobs_of(run.path / "labels" / "teacher" / "a.jsonl").directory == run.path / "blobs"
    assert blobs_of(kept / "a.jsonl").directory == kept / "blobs"


def test_a_blob_that_is_gone_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="can not be read"):
        BlobStore(tmp_path).get("0" * 64)
