"""Which logs are in a folder. Unlike `glob`, which leaves out what it may not look into: says so."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

from coding_agent.errors import StoreUnreadable

Refused = Callable[[StoreUnreadable], object]


def refuse(error: StoreUnreadable) -> None:
    """A folder that can not be listed ends the listing."""
    raise error


def names_in(folder: Path, *, refused: Refused = refuse) -> list[Path]:
    """What is in a folder, sorted; nothing where there is none. A folder that can not be listed goes to `refused`."""
    try:
        return sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        refused(_not_listed(folder, error))
        return []


def logs_in(folder: Path, *, refused: Refused = refuse) -> list[Path]:
    """The logs of a folder, not of folders in it, sorted."""
    return [each for each in names_in(folder, refused=refused) if _is_a_log(each.name)]


def logs_below(folder: Path, *, refused: Refused = refuse) -> Iterator[Path]:
    """Every log below a folder, symbolic links to folders left out. One after the other: there may be many."""

    def told(error: OSError) -> None:
        refused(_not_listed(Path(error.filename), error))

    for parent, folders, files in os.walk(folder, onerror=told):
        folders.sort()
        yield from (Path(parent, name) for name in sorted((*files, *folders)) if _is_a_log(name))


def _is_a_log(name: str) -> bool:
    return name.endswith(".jsonl") and name != "manifest.jsonl"


def _not_listed(folder: Path, error: OSError) -> StoreUnreadable:
    return StoreUnreadable(str(folder), f"can not be listed: {error.strerror}")
