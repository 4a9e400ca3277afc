"""Finding and loading the logs that a command was given."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import attrs

from coding_agent.cli import exits
from coding_agent.cli.output import err
from coding_agent.errors import LogIncompatible, StoreError, StoreUnreadable, UsageError
from coding_agent.events.schema import EpisodeStarted, Event
from coding_agent.replay.places import logs_elsewhere
from coding_agent.store.listing import logs_in
from coding_agent.store.reader import read_decoded, read_events
from coding_agent.store.rundir import RunDirectory, blobs_of


@attrs.frozen(kw_only=True)
class Loaded:
    """One episode, read."""

    path: Path
    events: tuple[Event, ...]
    read_blob: Callable[[str], bytes]

    @property
    def header(self) -> EpisodeStarted:
        first = self.events[0]
        if not isinstance(first, EpisodeStarted):
            raise StoreError(str(self.path), "the first event is not EpisodeStarted", line=1)
        return first


def load(path: Path) -> Loaded:
    """Raises StoreError for a log that is not intact, UsageError for a manifest."""
    refuse_manifest(path)
    return Loaded(path=path, events=read_events(path), read_blob=blobs_of(path).get)


def log_files(path: Path) -> list[Path]:
    """The logs in a run directory or folder, or the log itself. Raises UsageError for no log, StoreUnreadable."""
    refuse_manifest(path)
    if not path.is_dir():
        return [path]
    found = RunDirectory(path).logs() or logs_in(path)
    if not found:
        raise UsageError(
            f"{path}: there is no log in it{logs_elsewhere(path)}; give a run directory or a folder of *.jsonl"
        )
    return found


def refuse_manifest(path: Path) -> None:
    """Raises UsageError: it is no log, and only its run says whether it is intact."""
    if path.name == "manifest.jsonl" and not path.is_dir():
        raise UsageError(f"{path} is a manifest, which is checked with its logs: coding-agent verify {path.parent}")


def load_final(path: Path, *, warn: Callable[[StoreError], None]) -> Iterator[Loaded]:
    """Each sample's last attempt that can be read, one at a time. What is wrong with any other goes to `warn`."""
    for attempts in _attempts(path, warn).values():
        for file in reversed(attempts):
            try:
                loaded = load(file)
            except StoreError as error:
                warn(error)
                continue
            yield loaded
            break


def _attempts(path: Path, warn: Callable[[StoreError], None]) -> dict[tuple[str, int], list[Path]]:
    """The logs of each sample, by attempt; of a folder that is no run, each log is by itself."""
    found: dict[tuple[str, int], list[tuple[int, Path]]] = {}
    one_run = path.is_dir() and (path / "run.toml").exists()
    for file in log_files(path):
        try:
            first = next(read_decoded(file)).event
            if not isinstance(first, EpisodeStarted):
                raise StoreError(str(file), "the first event is not EpisodeStarted", line=1)  # noqa: TRY301  told once
        except StoreError as error:
            warn(error)
            continue
        key = (first.task, first.sample) if one_run else (str(file), 0)
        found.setdefault(key, []).append((first.attempt, file))
    return {key: [file for _, file in sorted(attempts)] for key, attempts in found.items()}


def left_out(warnings: Sequence[StoreError]) -> int:
    """Name the logs that were left out, on stderr; returns what to exit with."""
    for warning in warnings:
        err.print(f"left out: {warning}", markup=False)
    if any(isinstance(warning, LogIncompatible) for warning in warnings):
        return exits.INCOMPATIBLE
    if all(isinstance(warning, StoreUnreadable) for warning in warnings):
        return exits.REFUSED if warnings else exits.OK
    return exits.DAMAGED
