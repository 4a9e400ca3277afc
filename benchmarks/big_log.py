"""Whether a log of any size is verified in constant memory: a real one of 10 GiB is written, verified and removed.

    python -m benchmarks.big_log [--gib N] [--folder DIR]

The memory is that of the process that verifies, which does nothing else. Needs the room on the disk; takes minutes.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

from tests.campaigns.memory import MIB, big_log, verify_apart


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--gib", type=float, default=10, help="how large (default 10)")
    parser.add_argument("--folder", type=Path, help="where there is room (default: the system's for temporary files)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        path = Path(folder) / "big.jsonl"
        began = time.monotonic()
        events = big_log(path, int(options.gib * 1024) * MIB)
        wrote = time.monotonic()
        found = verify_apart(path)
        spent = time.monotonic() - wrote
        size = path.stat().st_size
    if (found.condition, found.events) != ("incomplete", events):
        raise SystemExit(f"{events} events were written, found: {found}")
    print(f"{size:,} bytes, {events:,} events, every one intact")
    print(f"peak memory {found.peak_kib / 1024:.1f} MiB, {found.grown_kib / 1024:.1f} MiB more than before it began")
    print(f"written in {wrote - began:.0f} s, verified in {spent:.0f} s ({size / spent / 1e6:.0f} MB/s)")


if __name__ == "__main__":
    main()
