"""Pin the frozen logs of `tests/formats/`: their bytes, and what every projection makes of them.

Adds logs that are not pinned yet. What is pinned is never changed: if a projection changes on purpose, say so by hand.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from coding_agent.replay.golden import projections
from coding_agent.store.reader import read_events
from coding_agent.store.rundir import blobs_of

HERE = Path(__file__).parent.parent / "tests" / "formats"


def main() -> None:
    """Write `pinned.json`."""
    file = HERE / "pinned.json"
    pinned = json.loads(file.read_text()) if file.exists() else {}
    for path in sorted(HERE.glob("v*/*.jsonl")):
        made = projections(read_events(path), blobs_of(path).get)
        entry = {"file": hashlib.sha256(path.read_bytes()).hexdigest(), "projections": made}
        pinned.setdefault(str(path.relative_to(HERE)), entry)
    file.write_text(json.dumps(pinned, indent=1, sort_keys=True) + "\n")


if __name__ == "__main__":
    main()
