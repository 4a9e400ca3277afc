"""Golden episodes: recorded logs with their expected projections beside them, kept as regression tests.

`NAME.jsonl` is a sealed log, byte for byte as it was written; `NAME.expected.json` says what every projection makes of
it; `blobs/` holds what the logs need. Checking one verifies, replays and projects it: nothing is executed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import attrs
import orjson

from coding_agent.errors import (
    LogDamaged,
    LogIncompatible,
    LogTorn,
    StoreError,
    StoreUnreadable,
    StoreUnwritable,
    UsageError,
)
from coding_agent.events.schema import EpisodeStarted, Event
from coding_agent.events.text import each_text, representable
from coding_agent.projections.conversation import conversation
from coding_agent.projections.metrics import episode_metrics
from coding_agent.projections.patch import patch
from coding_agent.projections.reward import reward
from coding_agent.projections.trajectory import trajectory
from coding_agent.projections.transcript import transcript
from coding_agent.replay.chain import refuse_exchanged
from coding_agent.replay.divergence import Divergence, first_difference
from coding_agent.replay.expected import expected_file, read_expected, recorded_head
from coding_agent.replay.report import details, explain, headline
from coding_agent.replay.sealed import Replay, replay_log
from coding_agent.rollout.begin import blob_names
from coding_agent.rollout.start import harness
from coding_agent.store.blobs import BlobStore
from coding_agent.store.disk import REAL_DISK, write_file
from coding_agent.store.named import BLOB_NAME
from coding_agent.store.reader import read_events, verify
from coding_agent.store.rundir import blobs_of

Problem = Literal[
    "damaged", "missing", "unreadable", "incompatible", "unsealed", "replaced", "diverged", "changed", "no expectation",
    "no log",
]  # fmt: skip
REPLACED = (
    "{log} is another log than {expected} was written for: that one ended in chain {then}, this one in {now}. "
    "Its bytes fit its chain, so no accident did that: it was exchanged, or edited and sealed again. Nothing of it is "
    "accepted: restore the log from a copy, or remove both files and `coding-agent record` the episode anew"
)
ReadBlob = Callable[[str], bytes]


@attrs.frozen(kw_only=True)
class Finding:
    """Why a golden episode fails."""

    problem: Problem
    text: str
    divergence: Divergence | None = None


def projections(events: Sequence[Event], read_blob: ReadBlob) -> dict[str, Any]:
    """What every projection makes of an episode: small values whole, large ones by size and SHA-256."""
    worth = reward(events, read_blob)
    return {
        "reward": {"value": worth.value, "parts": worth.parts, "explanation": worth.explanation},
        "metrics": attrs.asdict(episode_metrics(events)),
        "patch": _digest(patch(events, read_blob)),
        "conversation": _digest(conversation(events)),
        "trajectory": _digest(trajectory(events)),
        "transcript": _digest(transcript(events, full=True)),
    }


def expectation(log: Path) -> dict[str, Any]:
    """What `NAME.expected.json` holds. Raises StoreError for a log that is not intact."""
    report = verify(log)
    events = read_events(log)
    header = events[0]
    assert isinstance(header, EpisodeStarted)
    return {
        "log": {"events": report.events, "head": report.head, "semantic_digest": report.semantic_digest},
        "recorded_by": header.harness,
        "projected_by": harness(),
        "projections": projections(events, blobs_of(log).get),
    }


def check(log: Path) -> Finding | None:
    """Verify, replay and project one golden episode; None: all as recorded."""
    expected = expected_file(log)
    if not log.exists() and expected.exists():
        return Finding(problem="no log", text=f"{expected} expects a log that is not there; accept `trim` removes it")
    if (another := _another_log(log)) is not None:
        return another
    try:
        replay = replay_log(log)
        now = expectation(log)
    except LogIncompatible as error:
        return Finding(problem="incompatible", text=str(error))
    except (LogDamaged, LogTorn) as error:
        return Finding(problem="damaged", text=str(error))
    except StoreUnreadable as error:
        return Finding(problem="unreadable", text=str(error))
    except StoreError as error:
        return Finding(problem="damaged" if Path(error.file).exists() else "missing", text=str(error))
    if replay.divergence is not None:
        return Finding(problem="diverged", text=diverged(log, replay), divergence=replay.divergence)
    if not expected.exists():
        return Finding(problem="no expectation", text=f"{log} has no {expected.name}; accept `create` writes it")
    return _compare(log, now)


def _another_log(log: Path) -> Finding | None:
    """A log whose bytes fit its chain, and that is not the finished episode which the expectation was written for."""
    report, head = verify(log), recorded_head(log)
    if report.condition == "incomplete":
        return Finding(problem="unsealed", text=f"{log} has no Done; only a finished episode can be a golden one")
    if report.condition != "sealed" or head in {None, report.head}:
        return None
    return Finding(problem="replaced", text=REPLACED.format(
        log=log, expected=expected_file(log), then=f"{head}"[:12], now=report.head[:12]
    ))  # fmt: skip


def _compare(log: Path, now: dict[str, Any]) -> Finding | None:
    expected = expected_file(log)
    try:
        then = read_expected(log)
        parts = [(name, then[name], now[name]) for name in ("log", "projections")]
    except StoreUnreadable as error:
        return Finding(problem="unreadable", text=str(error))
    except StoreError as error:
        return Finding(problem="changed", text=f"{error}; accept `fix` writes it anew")
    except (KeyError, TypeError):
        text = f"{expected}: expected an object with `log` and `projections`; accept `fix` writes it anew"
        return Finding(problem="changed", text=text)
    for name, left, right in parts:
        found = first_difference(left, right, name)
        if found is not None:
            path, recorded, projected = found
            text = f"{expected}: {path} was {recorded!r}, this release projects {projected!r}"
            return Finding(problem="changed", text=text)
    return None


def diverged(log: Path, replay: Replay) -> str:
    """The full report of a replay that found something, as `coding-agent replay` prints it."""
    report = explain(log, replay)
    return "\n".join([f"{log}  {headline(report)}", *details(report)])


def record(log: Path, folder: Path, name: str) -> Path:
    """Make a golden episode of a finished one: its bytes, its blobs, its expectation. Returns the new log.

    Raises what `recordable` raises; nothing is written then.
    """
    target = recordable(log, folder, name)
    source, expected = blobs_of(log), _document(expectation(log))
    content = [source.get(blob) for blob in sorted(blob_names(read_events(log)))]
    folder.mkdir(parents=True, exist_ok=True)
    for data in content:
        BlobStore(folder / "blobs").put(data)
    _write(target, log.read_bytes())
    _write(expected_file(target), expected)
    return target


def recordable(log: Path, folder: Path, name: str) -> Path:
    """Where a golden episode of this log would be.

    Raises UsageError for a name that is taken or no name, for an episode that is not finished or does not replay;
    StoreError when the log is not intact.
    """
    if not name or Path(name).name != name or name.startswith(".") or name == "manifest":
        raise UsageError(f"{log}: expected the name of a file without a folder (--name), found {name!r}")
    target = folder / f"{name}.jsonl"
    if target.exists() or expected_file(target).exists():
        raise UsageError(f"{target} is there already; choose another --name, or remove it")
    replay = replay_log(log)
    refuse_exchanged(log)
    if replay.divergence is not None:
        raise UsageError(f"today's code does not derive this episode\n{diverged(log, replay)}")
    if not replay.sealed:
        raise UsageError(f"{log} has no Done: only a finished episode can be recorded; `coding-agent resume` goes on")
    return target


def orphans(folder: Path) -> list[str]:
    """Blobs of the folder that none of its logs names; none while a log can not be read, whose blobs they may be."""
    named: set[str] = set()
    try:
        for log in folder.glob("*.jsonl"):
            named |= blob_names(read_events(log))
    except StoreError:
        return []
    blobs = (path.name for path in (folder / "blobs").glob("*") if BLOB_NAME.fullmatch(path.name))
    return sorted(name for name in blobs if name not in named)


def write_expectation(log: Path, **provenance: Any) -> Path:
    """Write what is projected now beside the log."""
    data = {**expectation(log), **provenance}
    file = expected_file(log)
    _write(file, _document(data))
    return file


def _write(file: Path, data: bytes) -> None:
    try:
        write_file(REAL_DISK, file, data)
    except OSError as error:
        raise StoreUnwritable(str(file), f"can not be written: {error.strerror or error}") from error


def _document(data: dict[str, Any]) -> bytes:
    # Paths and reasons come from outside, and may not be UTF-8.
    data = each_text(data, representable)
    return orjson.dumps(data, option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE)


def _digest(value: Any) -> dict[str, Any]:
    plain = value if isinstance(value, str) else _plain(value)
    raw = orjson.dumps(plain, option=orjson.OPT_SORT_KEYS)
    return {"bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest()}


def _plain(value: Any) -> Any:
    if attrs.has(type(value)):
        return {name: _plain(getattr(value, name)) for name in attrs.fields_dict(type(value))}
    if isinstance(value, dict):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
