"""A run directory: `run.toml`, `episodes/<task>/<sample>.<attempt>.jsonl`, `labels/`, `blobs/`, `manifest.jsonl`."""

from __future__ import annotations

import os
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Self
from urllib.parse import quote

import attrs
import tomli_w

from coding_agent.errors import LogDamaged, StoreError, StoreUnreadable, UsageError
from coding_agent.events.text import each_text, escape, unescape
from coding_agent.store.advice import Advice, FileKind, advice
from coding_agent.store.blobs import BlobStore
from coding_agent.store.disk import REAL_DISK, Disk, make_directories, not_read, real_path, write_file
from coding_agent.store.known import Index, Listed, Manifests
from coding_agent.store.listing import Refused, logs_in, names_in, refuse
from coding_agent.store.manifest import Manifest
from coding_agent.store.named import BLOB_NAME, BlobCheck, BlobProblem
from coding_agent.store.reader import LogReport, condition_of, verify

NAMED = 3
"""Logs that a report names, at most."""


@attrs.frozen
class RunDirectory:
    """Where one run keeps everything that it knows."""

    path: Path
    disk: Disk = REAL_DISK

    @classmethod
    def create(cls, path: Path, configuration: Mapping[str, Any], *, disk: Disk = REAL_DISK) -> Self:
        """Make the directory and `run.toml`, durably. Raises UsageError when a run is already there.

        Texts that UTF-8 can not hold, as paths may be, are escaped in the file: `configuration` has them as they were.
        """
        if disk.exists(path / "run.toml"):
            raise UsageError(f"{path} already holds a run; choose another directory")
        try:
            for name in ("episodes", "labels", "blobs"):
                make_directories(disk, path / name)
            write_file(disk, path / "run.toml", tomli_w.dumps(each_text(configuration, escape)).encode())
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
        """What `run.toml` says. Raises StoreError, StoreUnreadable."""
        path = self.path / "run.toml"
        try:
            found: dict[str, Any] = each_text(tomllib.loads(path.read_text(encoding="utf-8")), unescape)
        except OSError as error:
            raise not_read(path, error) from error
        except ValueError as error:
            raise StoreError(str(path), f"this is no TOML: {error}") from error
        return found

    @property
    def blobs(self) -> BlobStore:
        return BlobStore(self.path / "blobs", self.disk)

    def log_path(self, task: str, sample: int, attempt: int) -> Path:
        """Task ids from elsewhere may hold any character; a path segment may not."""
        segment = quote(task, safe="+=@,:~ ").replace("%20", " ")
        segment = "%2E" + segment[1:] if segment.startswith(".") else segment
        return self.path / "episodes" / segment / f"{sample}.{attempt}.jsonl"

    def logs(self, *, refused: Refused = refuse) -> list[Path]:
        """All episode logs, sorted. What can not be listed goes to `refused`; else it raises StoreUnreadable."""
        folders = names_in(self.path / "episodes", refused=refused)
        return [log for folder in folders for log in logs_in(folder, refused=refused)]

    def manifest(self) -> Manifest:
        """Open for appending. Raises LogLocked, LogTorn, LogDamaged."""
        return Manifest(self.path / "manifest.jsonl", disk=self.disk)

    def verify(self) -> Iterator[LogReport]:
        """Every log, and what is wrong with the manifest, with the logs that it names and the blobs that they name."""
        run = self.path if self.disk.exists(self.path / "run.toml") else None
        folder = None if run is None else str(run)
        index = Manifests(self.disk).index(self.path)
        if index is not None and index.stop is not None:
            yield problem_of("manifest", index.stop, folder)
        sealed = {} if index is None else {listed.log: listed for listed in index.lines.values()}
        unlisted: list[StoreUnreadable] = []
        logs = sorted({*self.logs(refused=unlisted.append), *sealed})
        yield from (problem_of("folder", error, folder) for error in unlisted)
        check, unnamed = BlobCheck(self.blobs, there=True), Unnamed()
        for log in logs:
            for report in _verified(log, check, (index, sealed.get(log)), run, self.disk):
                unnamed.see(report, index, sealed.get(log))
                yield report
        yield from unnamed.reports()


def verify_log(log: Path, *, disk: Disk = REAL_DISK, manifests: Manifests | None = None) -> Iterator[LogReport]:
    """One log, held against the manifest of its run, and what is wrong with the blobs that it names.

    `manifests`: when many are verified, so that each manifest is read once.
    """
    yield from verify_logs([log], disk=disk, manifests=manifests)


def verify_logs(
    logs: Iterable[Path], *, disk: Disk = REAL_DISK, manifests: Manifests | None = None
) -> Iterator[LogReport]:
    """Logs of any runs, as `verify_log` each; what is wrong with a manifest is said once."""
    manifests, unnamed = manifests or Manifests(disk), Unnamed()
    for log in logs:
        run = run_of(log, disk=disk)
        known = index, listed = manifests.about(log)
        if index is not None and listed is None:
            yield from manifest_problem(index, manifests)
        for report in _verified(log, blob_check(log, disk=disk), known, run, disk):
            unnamed.see(report, index, listed)
            yield report
    yield from unnamed.reports()


def manifest_problem(index: Index, manifests: Manifests) -> Iterator[LogReport]:
    """What a manifest can not be read behind, if there is anything, and nobody was told."""
    if index.stop is not None and manifests.is_first(index):
        folder = index.path.parent
        yield problem_of("manifest", index.stop, str(folder) if (folder / "run.toml").exists() else None)


@attrs.define
class Unnamed:
    """Sealed logs that no manifest of their run names: a kill between the two leaves that, and so does loss."""

    _found: dict[tuple[Path, str | None], list[str]] = attrs.field(factory=dict)

    def see(self, report: LogReport, index: Index | None, listed: Listed | None) -> None:
        """`index`, `listed`: what the manifest says of this log."""
        if report.kind != "log" or report.condition != "sealed" or listed is not None:
            return
        folder = index.path.parent if index is not None else Path(report.run) if report.run is not None else None
        if folder is None or (index is not None and index.stop is not None):
            return
        log = Path(report.file)
        for place in (log, log.absolute(), real_path(log)):
            if folder / "episodes" in place.parents:
                self._found.setdefault((folder / "manifest.jsonl", report.run), []).append(
                    str(place.relative_to(folder))
                )
                return

    def reports(self) -> Iterator[LogReport]:
        for (manifest, run), logs in self._found.items():
            more = f" and {len(logs) - NAMED} more" if len(logs) > NAMED else ""
            what = f"{manifest}: it does not name what is sealed: {', '.join(logs[:NAMED])}{more}"
            yield LogReport(file=str(manifest), kind="manifest", condition="incomplete", problem=what, run=run)


def problem_of(kind: FileKind, error: StoreError, run: str | None) -> LogReport:
    """The report of a manifest or folder that this is wrong with."""
    return LogReport(
        file=error.file,
        kind=kind,
        condition=condition_of(error),
        problem=str(error),
        line=error.line,
        byte=error.byte,
        run=run,
    )


def advice_about(error: StoreError) -> Advice:
    """What to do about the file that an error names, as `verify` says it."""
    path = Path(error.file)
    if path.name == "manifest.jsonl":
        run = str(path.parent) if (path.parent / "run.toml").exists() else None
        return advice("manifest", condition_of(error), file=error.file, run=run)
    if BLOB_NAME.fullmatch(path.name):
        return advice("blob", condition_of(error), file=error.file, run=None)
    if isinstance(error, StoreUnreadable):
        return advice("log", "unreadable", file=error.file, run=None)
    reports = (each for each in verify_log(path) if each.kind != "manifest")
    found = next((each for each in reports if each.condition not in {"sealed", "incomplete"}), None)
    # What only decoding finds wrong, `verify` does not.
    return advice("log", condition_of(error), file=error.file, run=None) if found is None else found.advice


def _verified(
    log: Path, check: BlobCheck, known: tuple[Index | None, Listed | None], run: Path | None, disk: Disk
) -> Iterator[LogReport]:
    index, listed = known
    intact, unchecked, lacking = check.intact, check.unchecked, check.wrong
    wrong: list[BlobProblem] = []
    report = verify(log, disk=disk, see=lambda record: wrong.extend(check.problems(record)))
    folder = None if run is None else str(run)
    yield attrs.evolve(
        report if listed is None else _held_against(report, listed, disk),
        doubtful=listed is None and index is not None and index.hides,
        blobs=check.intact - intact,
        blobs_unchecked=check.unchecked - unchecked,
        lacks_blobs=check.wrong > lacking,
        run=folder,
    )
    for each in wrong:
        told = f"{each.what}; line {each.line} of {log} names it"
        yield LogReport(file=each.file, kind="blob", condition=each.condition, problem=told, run=folder)


def _held_against(report: LogReport, listed: Listed, disk: Disk) -> LogReport:
    """What was sealed and is another log now, or shorter, or has a torn end, is damaged."""
    entry = listed.entry
    if report.condition == "missing":
        return attrs.evolve(report, problem=f"{report.problem}; {listed.place} names it")
    whole = report.condition == "sealed" and report.head == entry.head
    if whole or report.condition not in {"sealed", "incomplete", "torn"}:
        return report
    told = f"{listed.place} says {entry.events} events ending in chain {entry.head[:12]}"
    if report.condition == "torn":
        return attrs.evolve(report, condition="damaged", problem=f"{report.problem}; {told}")
    if report.condition == "incomplete" and report.events < entry.events:
        line, byte, what = report.events + 1, _size(Path(report.file), disk), "the end is gone"
    else:
        line, byte, what = 1, 0, "this is not that log"
    error = LogDamaged(report.file, f"{what}: {told}", line=line, byte=byte)
    return attrs.evolve(report, condition="damaged", problem=str(error), line=line, byte=byte)


def _size(path: Path, disk: Disk) -> int | None:
    with suppress(OSError), disk.read(path) as stream:
        return stream.seek(0, os.SEEK_END)
    return None


def run_of(log: Path, *, disk: Disk = REAL_DISK) -> Path | None:
    """The run directory that a log is part of. One that merely holds the folder, a checkout in it, is not the log's."""
    for place in (log.absolute(), real_path(log)):
        runs = (each for each in place.parents if place.relative_to(each).parts[0] in {"episodes", "labels"})
        if (run := next((run for run in runs if disk.exists(run / "run.toml")), None)) is not None:
            return run
    return None


def blobs_of(log: Path, *, disk: Disk = REAL_DISK) -> BlobStore:
    """Where the blobs of a log are: in its run directory, else in `blobs/` beside it."""
    return BlobStore((run_of(log, disk=disk) or log.parent) / "blobs", disk)


def blob_check(log: Path, *, disk: Disk = REAL_DISK) -> BlobCheck:
    """For the blobs of one log. A log that is alone, a copy for one, may have left them behind: that is no damage."""
    store = blobs_of(log, disk=disk)
    return BlobCheck(store, there=disk.exists(store.directory) or run_of(log, disk=disk) is not None)
