from __future__ import annotations

from pathlib import Path

import pytest

from coding_agent.errors import LogDamaged, LogLocked, LogTorn, UsageError
from coding_agent.store.reader import read_records, verify
from coding_agent.store.writer import LogWriter
from tests.samples import toy_episode, write_log

AT = "2026-01-01T00:00:00.000000Z"


@pytest.mark.parametrize("kept", range(len(toy_episode())))
def test_a_log_goes_on_where_it_was_left_and_ends_as_if_never_interrupted(tmp_path: Path, kept: int) -> None:
    events = toy_episode()
    whole = verify(write_log(tmp_path / "whole.jsonl", events))
    path = tmp_path / "a.jsonl"
    write_log(path, events[:kept])
    with LogWriter.reopen(path) as log:
        assert log.events == kept
        for event in events[kept:]:
            log.append(event)
    assert (verify(path).condition, verify(path).semantic_digest) == ("sealed", whole.semantic_digest)


def test_what_a_killed_writer_left_is_made_durable_before_the_log_goes_on(tmp_path: Path) -> None:
    path = write_log(tmp_path / "a.jsonl", toy_episode()[:4])
    with LogWriter.reopen(path, durability="none") as log:
        log.append(toy_episode()[4])
    assert [record.synced for record in read_records(path)][-1] == 3


def test_a_sealed_log_takes_nothing_more(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="sealed"):
        LogWriter.reopen(write_log(tmp_path / "a.jsonl", toy_episode()))


def test_a_log_that_is_written_can_not_be_reopened(tmp_path: Path) -> None:
    path = write_log(tmp_path / "a.jsonl", toy_episode()[:4])
    with LogWriter.reopen(path), pytest.raises(LogLocked):
        LogWriter.reopen(path)


@pytest.mark.parametrize(("cut", "error"), [(-1, LogTorn), (None, LogDamaged)])
def test_a_log_that_is_not_intact_is_refused_and_left_alone(
    tmp_path: Path, cut: int | None, error: type[Exception]
) -> None:
    path = write_log(tmp_path / "a.jsonl", toy_episode()[:6])
    raw = path.read_bytes()[:cut] if cut else path.read_bytes().replace(b"toy", b"tOy", 1)
    path.write_bytes(raw)
    with pytest.raises(error):
        LogWriter.reopen(path)
    assert path.read_bytes() == raw


def test_an_event_that_is_copied_keeps_its_time(tmp_path: Path) -> None:
    with LogWriter.create(tmp_path / "a.jsonl") as log:
        log.append(toy_episode()[0], at=AT)
    assert next(read_records(tmp_path / "a.jsonl")).at == AT
