"""Logs much larger than memory may be: read line by line, never as a whole."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import attrs

from coding_agent.events.line import CHAIN_SEED, STATE_SEED, write_line
from coding_agent.events.schema import Event
from tests.campaigns import Cases, Size, campaign
from tests.samples import START, turn

MIB = 1 << 20

_VERIFY = """
import sys
sys.path[:0] = {paths!r}
from pathlib import Path
from coding_agent.store.rundir import verify_log
def peak_kib():
    return int(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
before = peak_kib()
(report,) = verify_log(Path({path!r}))
print(report.condition, report.events, before, peak_kib())
"""


@attrs.frozen(kw_only=True)
class Verified:
    """What a process of its own found, and the most memory it held."""

    condition: str
    events: int
    before_kib: int
    """With everything imported, before it looked at the log."""
    peak_kib: int

    @property
    def grown_kib(self) -> int:
        return self.peak_kib - self.before_kib


def verify_apart(path: Path) -> Verified:
    program = _VERIFY.format(paths=sys.path, path=str(path))
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    condition, *numbers = done.stdout.split()
    events, before, peak = map(int, numbers)
    return Verified(condition=condition, events=events, before_kib=before, peak_kib=peak)


def big_log(path: Path, size: int) -> int:
    """A log of at least `size` bytes without an end; says how many events it has."""
    state, chain, seq, written = STATE_SEED, CHAIN_SEED, 0, 0
    with path.open("wb") as stream:
        while written < size:
            event: Event = START if seq == 0 else turn(seq, content="x" * 20_000)
            line = write_line(event, seq=seq, at="t", synced=seq - 1, state=state, chain=chain)
            state, chain, seq = line.state, line.chain, seq + 1
            written += stream.write(line.raw)
    return seq


@campaign("A log is verified in constant memory: a large one takes less than 16 MiB more than Python itself")
def constant_memory(size: Size, folder: Path) -> Cases:
    for mib in (64, 512) if size == "long" else (24,):
        path = folder / "big.jsonl"
        events = big_log(path, mib * MIB)
        found = verify_apart(path)
        held = (found.condition, found.events) == ("incomplete", events) and found.grown_kib < 16 * 1024
        path.unlink()
        yield None if held else f"{mib} MiB: {found}"
