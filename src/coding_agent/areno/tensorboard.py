"""The sum of each step as TensorBoard scalars, where AReno writes its own."""

from __future__ import annotations

import functools
import os
import socket
import sys
import time
from collections.abc import Iterable, Sequence
from pathlib import Path

import structlog

from coding_agent.areno import event_file
from coding_agent.areno.command_line import told
from coding_agent.areno.config import ArenoConfig
from coding_agent.areno.verdict import worth
from coding_agent.evaluation.step_logs import attempts
from coding_agent.projections.step_scalars import step_scalars
from coding_agent.projections.steps import EpisodeFacts, step_metrics

FOLDER = "coding_agent"
"""Below AReno's own: a reader of event files expects one writer to a folder, and would lose sight of the other."""
ARENO_DEFAULT = "/tmp/areno/tfevent"  # noqa: S108  where AReno writes when it is not told
OPTION = "--metrics-log-dir"
_log = structlog.get_logger("coding_agent.areno")
_opened: dict[tuple[int, Path], Path] = {}
"""By process and folder."""


def record_step(config: ArenoConfig, step: int, episodes: Sequence[EpisodeFacts], earlier: Sequence[Path] = ()) -> None:
    """Add a point to every curve. `earlier`: the logs of attempts that were begun again.

    What goes wrong here is told; it never costs the step.
    """
    folder = metrics_folder(config)
    if folder is None:
        return
    try:
        score = functools.partial(worth, config)
        superseded = attempts(earlier, of_one_run=False, warn=lambda _: None, score=score).final
        values = step_scalars(step_metrics(step, episodes, superseded))
        with _event_file(folder).open("ab") as file:
            file.write(event_file.scalars(step, values, time.time()))
    except Exception:  # noqa: BLE001  curves are for people; AReno ends the training run over any exception
        _opened.pop((os.getpid(), folder), None)
        _log.exception("the step's curves are not written", folder=str(folder), step=step)


def metrics_folder(config: ArenoConfig, argv: Iterable[str] | None = None) -> Path | None:
    """Below the configured directory; else below that of the `areno train` that this process is; else None: nowhere."""
    place = config.tensorboard
    if place is None and "areno.cli.train" in sys.modules:
        place = ARENO_DEFAULT if (named := told(OPTION, argv)) is None else named
    return Path(place).expanduser() / FOLDER if place else None


def _event_file(folder: Path) -> Path:
    """One per process and folder. AReno's dashboard knows a job's files by the process id in their names."""
    key = (os.getpid(), folder)
    if key not in _opened:
        now = time.time()
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"events.out.tfevents.{int(now)}.{socket.gethostname()}.{os.getpid()}.0"
        with path.open("ab") as file:
            file.write(event_file.opening(now))
        _opened[key] = path
    return _opened[key]
