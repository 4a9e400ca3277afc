from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import attrs
import pytest

from coding_agent.errors import LogDamaged, LogIncompatible, LogLocked, LogTorn, UsageError, WriterPoisoned
from coding_agent.events.line import CHAIN_SEED, STATE_SEED, write_line
from coding_agent.events.schema import FORMAT
from coding_agent.store.disk import REAL_DISK, RealDisk
from coding_agent.store.reader import read_events, read_records, verify
from coding_agent.store.recover import recover
from coding_agent.store.writer import LogWriter, lock
from tests.samples import START, toy_episode, turn, write_log


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return write_log(tmp_path / "a.jsonl", toy_episode())


def test_what_was_appended_is_read_back(log: Path) -> None:
    assert list(read_events(log)) == toy_episode()


def test_a_whole_log_is_sealed(log: Path) -> None:
    report = verify(log)
    assert (report.condition, report.events, report.problem) == ("sealed", 9, None)


def test_a_log_without_done_is_incomplete(tmp_path: Path) -> None:
    assert verify(write_log(tmp_path / "a.jsonl", toy_episode()[:5])).condition == "incomplete"


def test_every_cut_is_torn_or_incomplete_and_loses_nothing_before_it(log: Path) -> None:
    raw = log.read_bytes()
    ends = [i + 1 for i, byte in enumerate(raw) if byte == 10]
    for cut in range(0, len(raw), 97):
        log.write_bytes(raw[:cut])
        report = verify(log)
        assert report.events == sum(end <= cut for end in ends)
        assert report.condition == ("incomplete" if cut in ends else "torn")


def test_a_changed_byte_in_durable_lines_is_damage_located_by_line(log: Path) -> None:
    lines = log.read_bytes().splitlines(keepends=True)
    for number in range(8):
        changed = [*lines]
        changed[number] = changed[number].replace(b"seq", b"sEq", 1)
        log.write_bytes(b"".join(changed))
        report = verify(log)
        assert (report.condition, report.line, report.events) == ("damaged", number + 1, number)
        assert report.byte == sum(map(len, lines[:number]))


@pytest.mark.parametrize(
    "order", [[0, 1, 3, 2, 4, 5, 6, 7, 8], [0, 1, 1, 2, 3, 4, 5, 6, 7, 8], [0, 2, 3, 4, 5, 6, 7, 8]]
)
def test_swapped_doubled_and_dropped_lines_are_damage(log: Path, order: list[int]) -> None:
    lines = log.read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(lines[number] for number in order))
    assert verify(log).condition == "damaged"


def test_a_line_after_done_is_damage_though_its_chain_fits(log: Path) -> None:
    whole, (*_, last) = log.read_bytes(), read_records(log)
    more = write_line(turn(9), seq=last.seq + 1, at="", synced=-1, state=last.state, chain=last.chain)
    log.write_bytes(whole + more.raw)
    report = verify(log)
    assert (report.condition, report.events, report.line) == ("damaged", last.seq + 1, last.seq + 2)
    assert report.byte == len(whole)
    with pytest.raises(LogDamaged, match="nothing is ever written after Done, and here is a model_turn"):
        recover(log)


def test_a_newer_format_is_incompatible_not_damaged(tmp_path: Path) -> None:
    newer = attrs.evolve(START, format=FORMAT + 1)
    path = tmp_path / "new.jsonl"
    path.write_bytes(write_line(newer, seq=0, at="", synced=-1, state=STATE_SEED, chain=CHAIN_SEED).raw)
    with pytest.raises(LogIncompatible, match=f"format {FORMAT + 1}; this release reads up to {FORMAT}"):
        list(read_records(path))


def test_an_empty_file_is_torn(tmp_path: Path) -> None:
    path = tmp_path / "empty.jsonl"
    path.touch()
    with pytest.raises(LogTorn, match="no event was ever written"):
        list(read_records(path))


def test_recovery_cuts_the_tail_and_keeps_the_original(tmp_path: Path) -> None:
    path = write_log(tmp_path / "a.jsonl", toy_episode()[:4])
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"seq":4,"ty')
    done = recover(path)
    assert path.read_bytes() == whole
    assert done.original is not None
    assert done.original.read_bytes() == whole + b'{"seq":4,"ty'
    assert (done.report.condition, done.cut_bytes) == ("incomplete", 12)


def test_what_a_writer_completed_before_recovery_had_the_lock_is_not_cut(log: Path) -> None:
    whole = log.read_bytes()

    class Late(RealDisk):
        def lock(self, fd: int) -> bool:
            log.write_bytes(whole)
            return RealDisk.lock(self, fd)

    log.write_bytes(whole[:-20])
    done = recover(log, disk=Late())
    assert (done.report.condition, done.original, done.cut_bytes) == ("sealed", None, 0)
    assert log.read_bytes() == whole


def test_recovery_never_touches_damage(log: Path) -> None:
    log.write_bytes(log.read_bytes().replace(b"Mend it", b"Bend it"))
    before = log.read_bytes()
    with pytest.raises(LogDamaged, match=r"line 1 byte 0|line 1, byte 0"):
        recover(log)
    assert log.read_bytes() == before


def test_recovery_leaves_an_intact_log_alone(log: Path) -> None:
    assert recover(log).original is None


def test_a_log_is_created_once(log: Path) -> None:
    with pytest.raises(UsageError, match="an episode's log is written once"):
        LogWriter.create(log)


def test_a_log_that_is_being_written_can_not_be_recovered(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with LogWriter.create(path) as writer:
        writer.append(START)
        with path.open("ab") as tail:
            tail.write(b"{")
        with pytest.raises(LogLocked):
            recover(path)


def test_the_lock_says_who_must_be_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.touch()
    with path.open("rb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(LogLocked, match="another process is writing this log"):
            lock(REAL_DISK, REAL_DISK.open(path), path)


def test_an_illegal_event_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with LogWriter.create(path) as writer:
        writer.append(START)
        size = path.stat().st_size
        with pytest.raises(Exception, match="turn 5 after turn 0"):
            writer.append(turn(5))
        assert path.stat().st_size == size
        writer.append(turn(1))


def test_an_io_error_poisons_the_writer_for_good(tmp_path: Path) -> None:
    writer = LogWriter.create(tmp_path / "a.jsonl")
    writer.append(START)
    os.close(writer._fd)
    with pytest.raises(WriterPoisoned, match="what was acknowledged before is intact"):
        writer.append(turn(1))
    with pytest.raises(WriterPoisoned):
        writer.append(turn(1))
    writer._fd = -1


def test_synced_says_what_was_durable_before_done(log: Path) -> None:
    records = list(read_records(log))
    assert [record.synced for record in records] == [-1, 0, 1, 2, 3, 4, 5, 6, 7]


KILLED = """
import os, sys, signal
sys.path[:0] = {paths!r}
from pathlib import Path
from coding_agent.store.writer import LogWriter
from tests.samples import toy_episode
log = LogWriter.create(Path({path!r}))
for event in toy_episode()[:6]:
    log.append(event)
    print(log.events, flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_an_acknowledged_event_survives_kill_9(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    program = KILLED.format(paths=sys.path, path=str(path))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == -signal.SIGKILL
    assert verify(path).events == int(done.stdout.split()[-1]) == 6
