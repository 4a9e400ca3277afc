"""A run directory: `run.toml`, `episodes/<task>/<sample>.<attempt>.jsonl`, `labels/`, `blobs/`, `manifest.jsonl`."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import attrs
import tomli_w

from coding_agent.errors import StoreError, UsageError
from coding_agent.store.blobs import BlobStore
from coding_agent.store.disk import REAL_DISK, Disk, make_directories, write_file
from coding_agent.store.manifest import Manifest, read_manifest
from coding_agent.store.reader import LogReport, verify


@attrs.frozen
class RunDirectory:
    """Where one run keeps everything that it knows."""

    path: Path
    disk: Disk = REAL_DISK

    @classmethod
    def create(cls, path: Path, configuration: Mapping[str, Any], *, disk: Disk = REAL_DISK) -> Self:
        """Make the directory and `run.toml`, durably. Raises UsageError when a run is already there."""
        if disk.exists(path / "run.toml"):
            raise UsageError(f"{path} already holds a run; choose another directory")
        try:
            for name in ("episodes", "labels", "blobs"):
                make_directories(disk, path / name)
            write_file(disk, path / "run.toml", tomli_w.dumps(configuration).encode())
        except OSError as error:
            raise UsageError(f"{path} can not be a run directory: {error.strerror or error}") from error
        return cls(path, disk)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Raises UsageError when it is not a run directory."""
        if not (path / "run.toml").is_file():
            raise UsageError(f"{path} is not a run directory: it has no run.toml")
        return cls(path)

    @property
    def configuration(self) -> dict[str, Any]:
        """What `run.toml` says. Raises StoreError."""
        try:
            return tomllib.loads((self.path / "run.toml").read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise StoreError(str(self.path / "run.toml"), str(error)) from error

    @property
    def blobs(self) -> BlobStore:
        return BlobStore(self.path / "blobs", self.disk)

    def log_path(self, task: str, sample: int, attempt: int) -> Path:
        """Task ids from elsewhere may hold any character; a path segment may not."""
        segment = quote(task, safe="+=@,:~ ").replace("%20", " ")
        segment = "%2E" + segment[1:] if segment.startswith(".") else segment
        return self.path / "episodes" / segment / f"{sample}.{attempt}.jsonl"

    def logs(self) -> list[Path]:
        """All episode logs, sorted."""
        return sorted((self.path / "episodes").glob("*/*.jsonl"))

    def manifest(self) -> Manifest:
        """Open for appending. Raises LogLocked, LogTorn, LogDamaged."""
        return Manifest(self.path / "manifest.jsonl", disk=self.disk)

    def verify(self) -> Iterator[LogReport]:
        """Every log, and every log that the manifest names: a file that is gone or shorter than sealed is reported."""
        sealed = {}
        manifest = self.path / "manifest.jsonl"
        if manifest.exists():
            try:
                sealed = {entry.path: entry for entry in read_manifest(manifest)}
            except StoreError as error:
                yield LogReport(
                    file=str(manifest), condition="damaged", problem=str(error), line=error.line, byte=error.byte
                )
        for path in sorted({*self.logs(), *(self.path / name for name in sealed)}):
            report = verify(path)
            entry = sealed.get(str(path.relative_to(self.path)))
            if entry is not None and report.condition in {"sealed", "incomplete", "torn"} and report.head != entry.head:
                problem = (
                    f"the manifest says {entry.events} events ending in chain {entry.head[:12]}, this is not that log"
                )
                report = attrs.evolve(report, condition="damaged", problem=report.problem or problem)
            yield report


def blobs_of(log: Path) -> BlobStore:
    """Where the blobs of a log are: in its run directory, else in `blobs/` beside it."""
    run = next((folder for folder in log.resolve().parents if (folder / "run.toml").exists()), log.parent)
    return BlobStore(run / "blobs")
