"""What can happen to a file at rest: cut, flipped, lines gone, doubled, exchanged."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

from coding_agent.store.reader import LogReport, verify
from coding_agent.store.recover import recover
from tests.campaigns import Cases, Size, campaign
from tests.campaigns.disks import LOG, holding
from tests.samples import toy_episode, write_log


def sealed(folder: Path) -> bytes:
    return write_log(folder / "sealed.jsonl", toy_episode()).read_bytes()


def report_of(content: bytes) -> LogReport:
    return verify(LOG, disk=holding(content))


@campaign("A log cut at any byte keeps every whole line, and is recovered to them")
def cuts(size: Size, folder: Path) -> Cases:
    raw = sealed(folder)
    ends = [0, *(place + 1 for place, byte in enumerate(raw) if byte == ord("\n"))]
    for cut in range(0, len(raw), 1 if size == "long" else 29):
        disk = holding(raw[:cut])
        report = verify(LOG, disk=disk)
        whole = max(end for end in ends if end <= cut)
        expected = "incomplete" if cut in ends[1:] else "torn"
        if (report.condition, report.events) != (expected, ends.index(whole)):
            yield f"cut at {cut}: {report.condition} with {report.events} events"
            continue
        recover(LOG, disk=disk)
        again = recover(LOG, disk=disk)
        kept = disk.read(LOG).read()
        yield None if kept == raw[:whole] and again.original is None else f"cut at {cut}: {len(kept)} bytes kept"


@campaign("Every flipped bit of a sealed log is found at its line, and is damage even where no manifest names the log")
def flips(size: Size, folder: Path) -> Cases:
    raw = sealed(folder)
    line_of = list(itertools.accumulate((byte == ord("\n") for byte in raw), initial=1))
    for bit in range(0, len(raw) * 8, 1 if size == "long" else 101):
        changed = bytearray(raw)
        changed[bit // 8] ^= 1 << bit % 8
        report = report_of(bytes(changed))
        found = report.condition in {"damaged", "incompatible"} and report.line == line_of[bit // 8]
        yield None if found else f"bit {bit} in line {line_of[bit // 8]}: {report.condition}, line {report.line}"


@campaign("Every line or pair of lines that is deleted, doubled or exchanged is found at the first that is wrong")
def lines(size: Size, folder: Path) -> Cases:
    whole = sealed(folder).splitlines(keepends=True)
    for name, changed in _rearranged(whole, size):
        report = report_of(b"".join(changed))
        first = next(
            (n for n, (a, b) in enumerate(zip(changed, whole, strict=False)) if a != b), min(len(changed), len(whole))
        )
        if first == len(changed):  # the end is missing: what is left is intact, and not sealed
            held = report.condition == ("incomplete" if changed else "torn") and report.events == len(changed)
        else:
            held = report.condition in {"damaged", "torn"} and report.events == first
        yield None if held else f"{name}: {report.condition}, {report.events} events"


def _rearranged(whole: list[bytes], size: Size) -> Iterator[tuple[str, list[bytes]]]:
    count = len(whole)
    for i in range(count):
        yield f"line {i} deleted", whole[:i] + whole[i + 1 :]
        for j in range(0 if size == "long" else i, count):
            yield f"line {i} put in again before {j}", [*whole[:j], whole[i], *whole[j:]]
        yield f"line {i} put in again at the end", [*whole, whole[i]]
        yield f"line {i} empty", [*whole[:i], b"\n", *whole[i + 1 :]]
    for i, j in itertools.combinations(range(count), 2):
        yield f"lines {i} and {j} deleted", [line for n, line in enumerate(whole) if n not in {i, j}]
        yield f"lines {i} to {j} deleted", whole[:i] + whole[j + 1 :]
        yield f"lines {i} to {j} doubled", whole[: j + 1] + whole[i:]
        swapped = [*whole]
        swapped[i], swapped[j] = swapped[j], swapped[i]
        yield f"lines {i} and {j} exchanged", swapped
