"""Torn is what a crash leaves; whatever else is wrong is damage, in the last line too, and no manifest is needed."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coding_agent.errors import LogDamaged
from coding_agent.events.line import MAX_LINE
from coding_agent.events.schema import Event
from coding_agent.store.reader import verify
from coding_agent.store.recover import recover
from coding_agent.store.torn import SECTOR, unfinished
from tests.campaigns.disks import LOG, holding
from tests.samples import toy_episode, turn, write_log


@pytest.fixture
def whole(tmp_path: Path) -> bytes:
    """A sealed log of nine lines."""
    return write_log(tmp_path / "a.jsonl", toy_episode(), durability="none").read_bytes()


@pytest.mark.parametrize(
    "done",
    [b'"summary":"gone"', b'"summary";"done"', b'"summary":"d\0ne"'],
    ids=["another value", "no JSON", "a zero that is no sector"],
)
def test_a_done_that_was_written_whole_and_changed_is_damage_and_left_alone(whole: bytes, done: bytes) -> None:
    *before, last = whole.splitlines(keepends=True)
    disk = holding(changed := b"".join([*before, last.replace(b'"summary":"done"', done)]))
    with pytest.raises(LogDamaged, match="event 8 was written whole and was changed since"):
        recover(LOG, disk=disk)
    assert disk.read(LOG).read() == changed


@pytest.mark.parametrize("bit", range(8))
def test_a_newline_that_flipped_is_damage_and_one_that_is_missing_is_torn(whole: bytes, bit: int) -> None:
    flipped = whole[:-1] + bytes([ord("\n") ^ 1 << bit])
    assert verify(LOG, disk=holding(flipped)).condition == "damaged"
    assert verify(LOG, disk=holding(whole[:-1])).condition == "torn"


@pytest.mark.parametrize("after", [b"{", b"\n", b"{}\n", bytes(600)])
def test_whatever_follows_done_is_damage(whole: bytes, after: bytes) -> None:
    report = verify(LOG, disk=holding(whole + after))
    assert (report.condition, report.events, report.line) == ("damaged", 9, 10)
    assert "nothing is ever written after Done" in (report.problem or "")


def test_a_line_that_ends_but_lacks_a_sector_is_torn_and_recovered(tmp_path: Path) -> None:
    events = [*toy_episode()[:1], turn(1, content="x" * 2000)]
    raw = bytearray(write_log(tmp_path / "a.jsonl", events, durability="none").read_bytes())
    raw[2 * SECTOR : 3 * SECTOR] = bytes(SECTOR)
    disk = holding(bytes(raw))
    assert verify(LOG, disk=disk).condition == "torn"
    assert recover(LOG, disk=disk).report.events == 1


@pytest.mark.parametrize("last", [turn(2), toy_episode()[-1]], ids=["open", "sealed"])
def test_a_lost_sector_of_what_a_later_line_says_was_durable_is_damage_and_left_alone(
    tmp_path: Path, last: Event
) -> None:
    events = [*toy_episode()[:1], turn(1, content="x" * 2000), last]
    raw = bytearray(write_log(tmp_path / "a.jsonl", events, durability="event").read_bytes())
    raw[2 * SECTOR : 3 * SECTOR] = bytes(SECTOR)
    disk = holding(bytes(raw))
    with pytest.raises(LogDamaged, match="event 1 was durable and is not what was written"):
        recover(LOG, disk=disk)
    assert disk.read(LOG).read() == raw


def test_a_line_that_is_longer_than_any_was_not_left_by_a_crash() -> None:
    longest = b"x" * MAX_LINE
    assert unfinished(longest, 0, lambda _: False)
    assert not unfinished(longest + b"x", 0, lambda _: False)


def test_a_line_with_zeros_that_no_crash_leaves_is_damage(tmp_path: Path) -> None:
    events = [*toy_episode()[:1], turn(1, content="x" * 2000)]
    raw = bytearray(write_log(tmp_path / "a.jsonl", events, durability="none").read_bytes())
    raw[2 * SECTOR + 1 : 3 * SECTOR] = bytes(SECTOR - 1)
    assert verify(LOG, disk=holding(bytes(raw))).condition == "damaged"


@given(st.integers(0, 2000), st.integers(1, 3000), st.data())
def test_any_line_that_lost_a_sector_may_be_of_a_crash(at: int, size: int, data: st.DataObject) -> None:
    line = bytearray(b"x" * size + b"\n")
    assert not unfinished(bytes(line), at, lambda _: False)
    sector = data.draw(st.integers(at // SECTOR, (at + size) // SECTOR))
    start, end = max(at, sector * SECTOR) - at, min((sector + 1) * SECTOR - at, len(line))
    line[start:end] = bytes(end - start)
    assert unfinished(bytes(line), at, lambda _: False)
