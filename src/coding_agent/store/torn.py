"""What a crash can leave of a line that was never durable, told from a line that was changed after it was written.

A crash takes whole sectors. Of bytes that were appended and not synced, each sector is on the disk, or holds zeros from
its start or from the end of an earlier line on; and the file may end anywhere. A line holds no zero byte, since JSON
escapes it. So a bad line that has its end, and no sector of zeros, was written whole: somebody or something changed it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from contextlib import suppress

import attrs

from coding_agent.errors import DecodeError, LogDamaged, LogTorn, StoreError
from coding_agent.events.line import MAX_LINE, parse, read_line

SECTOR = 512
"""No file system in use writes less at a time."""
FIRST = b'{"seq":0,'
"""How every log begins."""
_ZEROS = re.compile(rb"\0+")


@attrs.frozen(kw_only=True)
class BadLine:
    """The first line of a log that is not what was written, and what is known of the ones before."""

    raw: bytes
    """From offset `at` to a newline, at most."""
    seq: int
    at: int
    chain: str
    """Of the line before."""
    durable: int
    """The last seq that the lines before say was durable."""
    ended: bool
    """The line before is Done."""
    error: DecodeError


def judge(file: str, bad: BadLine, rest: Iterable[bytes]) -> StoreError:
    """LogTorn if a crash may have left the line so, else LogDamaged. `rest`: what comes after it, read if need be."""
    place = {"line": bad.seq + 1, "byte": bad.at}
    if bad.ended:
        return LogDamaged(file, f"nothing is ever written after Done: {bad.error}", **place)
    if not unfinished(bad.raw, bad.at, lambda whole: _fits(whole, bad)):
        if bad.seq == 0 and not bad.raw.startswith(FIRST):
            return LogDamaged(file, f"this is no log, or its beginning was changed: {bad.error}", **place)
        return LogDamaged(file, f"event {bad.seq} was written whole and was changed since: {bad.error}", **place)
    if bad.durable >= bad.seq or any(durable >= bad.seq for durable in _synced(rest)):
        return LogDamaged(file, f"event {bad.seq} was durable and is not what was written: {bad.error}", **place)
    return LogTorn(file, f"event {bad.seq} was never completely written: {bad.error}", **place)


def unfinished(raw: bytes, at: int, fits: Callable[[bytes], bool]) -> bool:
    """Whether a crash may have left these bytes, read from offset `at` to a newline, at most, of a line that is bad.

    `fits` says whether a whole line belongs here: one that lost only its newline to a flipped bit was written whole.
    """
    if _unwritten(raw, at):
        return True
    return not raw.endswith(b"\n") and len(raw) <= MAX_LINE and not fits(raw[:-1] + b"\n")


def _unwritten(raw: bytes, at: int) -> bool:
    """Whether there are zeros from a sector's start, or the line's, to a sector's end, or the file's."""
    for zeros in _ZEROS.finditer(raw):
        first, after = zeros.span()
        start = first if first == 0 else -(-(at + first) // SECTOR) * SECTOR - at
        end = after if after == len(raw) else (at + after) // SECTOR * SECTOR - at
        if start < end:
            return True
    return False


def _fits(raw: bytes, bad: BadLine) -> bool:
    with suppress(DecodeError):
        read_line(raw, seq=bad.seq, chain=bad.chain, strict=False)
        return True
    return False


def _synced(lines: Iterable[bytes]) -> Iterable[int]:
    for raw in lines:
        with suppress(DecodeError):
            yield parse(raw).synced
