from __future__ import annotations

from pathlib import Path

import pytest

from coding_agent.store import named
from coding_agent.store.blobs import BlobStore
from coding_agent.store.named import BlobCheck
from coding_agent.store.reader import read_records
from tests.samples import episode_with_blob, write_log


def test_a_blob_is_read_once_however_often_it_is_named(tmp_path: Path) -> None:
    store = BlobStore(tmp_path / "blobs")
    log = write_log(tmp_path / "a.jsonl", episode_with_blob(store.put(b"x")), durability="none")
    check = BlobCheck(store, there=True)
    assert [found for _ in range(3) for record in read_records(log) for found in check.problems(record)] == []
    assert (check.intact, check.unchecked) == (1, 0)


def test_what_is_remembered_of_blobs_is_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(named, "REMEMBERED", 4)
    check = BlobCheck(BlobStore(tmp_path), there=False)
    for number in range(20):
        log = write_log(tmp_path / f"{number}.jsonl", episode_with_blob(f"{number:064x}"), durability="none")
        for record in read_records(log):
            list(check.problems(record))
        assert len(check._seen) <= 4
    assert check.unchecked == 20
