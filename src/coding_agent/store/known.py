"""What the manifests of runs say of logs, and where one says nothing more."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import attrs

from coding_agent.errors import LogDamaged, StoreError, StoreUnreadable
from coding_agent.store.disk import REAL_DISK, Disk, real_path
from coding_agent.store.manifest import Entry, read_manifest


@attrs.frozen(kw_only=True)
class Listed:
    """A line of a manifest: its log was sealed once."""

    manifest: Path
    line: int
    entry: Entry

    @property
    def place(self) -> str:
        return f"line {self.line} of {self.manifest}"

    @property
    def log(self) -> Path:
        return self.manifest.parent / self.entry.path


@attrs.frozen(kw_only=True)
class Index:
    """One manifest, as far as it can be read."""

    path: Path
    lines: dict[str, Listed]
    """By the log's path in the run."""
    stop: StoreError | None = None
    """What it can not be read behind."""

    @property
    def hides(self) -> bool:
        """Whether it may have named logs that are not in `lines`. A crash takes a line, and leaves its log sealed."""
        return isinstance(self.stop, LogDamaged | StoreUnreadable)


class Manifests:
    """Each manifest is read once, up to where it can not be read further."""

    def __init__(self, disk: Disk = REAL_DISK) -> None:
        self._disk = disk
        self._read: dict[Path, Index] = {}
        self._told: set[Path] = set()

    def about(self, log: Path) -> tuple[Index | None, Listed | None]:
        """The manifest of the run that a log is part of, and the line that names it; whatever links lead to the log."""
        found = None
        # By its name in its run, which may be a link; else as the file that a link from elsewhere names.
        for place in (log.absolute(), real_path(log)):
            for folder in place.parents:
                if (index := self.index(folder)) is not None:
                    listed = index.lines.get(str(place.relative_to(folder)))
                    if listed is not None:
                        return index, listed
                    found = found or index
                    break
        return found, None

    def below(self, folder: Path) -> Iterator[tuple[Index, Path]]:
        """Each log below a folder that the manifest of its run names, or one in the folder, there or not."""
        for place in dict.fromkeys((folder.absolute(), real_path(folder))):
            found = (each for each in (self.index(above) for above in place.parents) if each is not None)
            if (index := next(found, None)) is not None:
                for listed in index.lines.values():
                    if place in listed.log.parents:
                        yield index, folder / listed.log.relative_to(place)
                break
        for parent, _, files in os.walk(folder):
            if "manifest.jsonl" in files and (index := self.index(Path(parent))) is not None:
                yield from ((index, listed.log) for listed in index.lines.values())

    def is_first(self, index: Index) -> bool:
        """Whether this is asked of a manifest for the first time: what is wrong with it is to be told once."""
        is_first = index.path not in self._told
        self._told.add(index.path)
        return is_first

    def index(self, folder: Path) -> Index | None:
        """The manifest in this folder, if there is one."""
        if folder not in self._read:
            path = folder / "manifest.jsonl"
            if not self._disk.exists(path):
                return None
            self._read[folder] = _index(path, self._disk)
        return self._read[folder]


def _index(path: Path, disk: Disk) -> Index:
    lines: dict[str, Listed] = {}
    try:
        for number, entry in enumerate(read_manifest(path, disk=disk), start=1):
            lines[entry.path] = Listed(manifest=path, line=number, entry=entry)
    except StoreError as error:
        return Index(path=path, lines=lines, stop=error)
    return Index(path=path, lines=lines)
