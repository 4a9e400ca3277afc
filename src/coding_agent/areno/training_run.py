"""The run directory of a training run, and its manifest, open for as long as the process trains with it.

Logs alone say what a step was. A manifest that can not be written therefore costs nothing: training goes on without its
lines, and before the next step it is opened again and put right from the logs. So is a run directory that was deleted.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterable
from pathlib import Path

import attrs
import structlog

from coding_agent.areno import reward_source
from coding_agent.areno.config import ArenoConfig
from coding_agent.areno.gone_on import refuse_another_reading
from coding_agent.areno.left_over import Cause, seal_all
from coding_agent.errors import CodingAgentError, StoreError
from coding_agent.store.index import recover_run
from coding_agent.store.manifest import Entry
from coding_agent.store.rundir import RunDirectory

_log = structlog.get_logger("coding_agent.areno")


class TrainingRun:
    """Held by one process at a time, whose lock the manifest is."""

    def __init__(self, config: ArenoConfig) -> None:
        """Raises what `open_run` raises."""
        self._config = config
        self._one_at_a_time = threading.Lock()
        self._has_failed = False
        self.directory = open_run(config)
        self._open()

    @property
    def path(self) -> Path:
        return self.directory.path

    def append(self, entry: Entry) -> None:
        """Name a sealed log in the manifest, if that can be written. Thread-safe."""
        with self._one_at_a_time:
            try:
                self._manifest.append(entry)
            except StoreError as error:
                if not self._has_failed:
                    _log.error("the manifest can not be written", run=str(self.path), problem=str(error))
                self._has_failed = True

    def seal(self, logs: Iterable[Path], *, cause: Cause, detail: str) -> list[Path]:
        """End logs that nobody writes any more; those that could not be sealed are returned."""
        return seal_all(self.directory, self, logs, cause=cause, detail=detail)

    def renew(self, *, alone: bool) -> str | None:
        """Open again what failed or was deleted, which no open file says. Returns what keeps it from being opened.

        `alone`: nobody else writes to it now, so that what failed can be closed.
        """
        run, failed = str(self.path), self._has_failed and alone
        is_there = (self.path / "run.toml").exists() and _identity(self._manifest.path) == self._opened
        if is_there and not failed:
            return None
        if not is_there:
            _log.error("the run directory was deleted or moved while it was trained with", run=run)
        try:
            if failed:
                self._manifest.close()
            self.directory = open_run(self._config)
            if failed or _identity(self._manifest.path) != self._opened:
                with self._one_at_a_time:
                    self._manifest.close()
                    self._open()
        except (CodingAgentError, OSError) as error:
            _log.error("the run directory can not be begun again", problem=str(error))
            what = "its manifest failed" if is_there else "was deleted or moved"
            return f"{run}: {what}, and it can not be begun again: {error}"
        return None

    def close(self) -> None:
        self._manifest.close()

    def _open(self) -> None:
        self._manifest = self.directory.manifest()
        self._opened = _identity(self._manifest.path)
        self._has_failed = False


def open_run(config: ArenoConfig) -> RunDirectory:
    """The run directory, new or gone on with. Raises UsageError, StoreError, LogLocked while another process has it.

    What it may not be gone on with, `refuse_another_reading` says.
    """
    path = Path(config.run_dir)
    if not (path / "run.toml").exists():
        told = attrs.asdict(config, filter=lambda _, value: value is not None)
        return RunDirectory.create(path, {"areno": told | reward_source.recorded(config.reward)})
    run = RunDirectory.open(path)
    refuse_another_reading(run, config)
    if (problem := reward_source.changed(run.configuration["areno"])) is not None:
        _log.warning("the reward changed", problem=problem)
    recover_run(run)
    return run


def _identity(path: Path) -> tuple[int, int] | None:
    """Of a file that is there: another one of the same name has another, as long as the first is open."""
    with contextlib.suppress(OSError):
        found = path.stat()
        return found.st_dev, found.st_ino
    return None
