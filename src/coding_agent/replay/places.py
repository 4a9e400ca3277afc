"""What to say of a folder that is not what was asked for: where below it the logs are, or whose they are."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

LOOKED_INTO = 10_000
"""Folders, at most: somebody may give the root of everything."""
NAMED = 3


def logs_elsewhere(folder: Path) -> str:
    """`, but 12 logs in runs/first, 3 in runs/second` for a folder that holds none itself; else empty."""
    found: Counter[Path] = Counter()
    for number, (parent, folders, files) in enumerate(os.walk(folder)):
        folders.sort()
        logs = sum(name.endswith(".jsonl") and name != "manifest.jsonl" for name in files)
        if logs:
            found[_given_as(Path(parent))] += logs
        if number == LOOKED_INTO:
            break
    if not found:
        return ""
    named = [f"{count} in {place}" for place, count in list(found.items())[:NAMED]]
    named[0] = named[0].replace(" in", " log in" if named[0].startswith("1 ") else " logs in", 1)
    unnamed = len(found) - NAMED
    more = f" and in {unnamed} more folder{'s' * (unnamed > 1)}" if unnamed > 0 else ""
    return f", but {', '.join(named)}{more}"


def _given_as(folder: Path) -> Path:
    """A run's logs are given by their run directory."""
    return next((each.parent for each in (folder, *folder.parents) if each.name in {"episodes", "labels"}), folder)
