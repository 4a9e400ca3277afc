"""Accepting that golden episodes are what they now are. Never in place: a sealed log is not edited.

| category | what it does |
|---|---|
| `create` | writes the expectation of a log that has none |
| `fix` | writes a new expectation where projections changed; where the code diverged, a *new* log that today's code derives from the same given fields, and removes the old one |
| `trim` | removes expectations and blobs without a log |

Each expectation that is written keeps a list of what was accepted on the way to it: category, why (the reason that was
given, and what the check had found), when, by which release, and from which log (head of the chain, digest).
"""  # noqa: E501  a table

from __future__ import annotations

import datetime as dt
import itertools
import re
from pathlib import Path
from typing import Any, Literal

import attrs

from coding_agent.errors import IllegalSequence, StoreError, UsageError
from coding_agent.events.schema import EpisodeStarted
from coding_agent.events.values import Parent
from coding_agent.replay.contrast import contrast
from coding_agent.replay.divergence import Divergence
from coding_agent.replay.expected import expected_file, read_expected, recorded_head
from coding_agent.replay.golden import Finding, write_expectation
from coding_agent.replay.sealed import NotHere, rederive
from coding_agent.rollout.start import harness
from coding_agent.rollout.state import EpisodeState, evolve
from coding_agent.store.reader import read_decoded, read_events, verify
from coding_agent.store.writer import LogWriter

Category = Literal["create", "fix", "trim"]
CATEGORIES: tuple[Category, ...] = ("create", "fix", "trim")
_FITS: dict[str, Category] = {"no expectation": "create", "changed": "fix", "diverged": "fix", "no log": "trim"}
_NUMBERED = re.compile(r"(.*)~(\d+)")


def accept(log: Path, finding: Finding, category: Category, *, reason: str = "") -> str | None:
    """Accept one finding; None when the category does not fit. Returns what was done.

    Raises UsageError for a `fix` without a reason, and when no new log can be derived: record the episode anew then.
    """
    if _FITS.get(finding.problem) != category:
        return None
    if finding.problem == "no log":
        expected_file(log).unlink()
        return f"removed {expected_file(log)}"
    if category == "fix" and not reason.strip():
        raise UsageError("accepting a change needs a reason, which is kept beside it: say why it is right")
    accepted = [*_earlier(log), _acceptance(log, finding, category, reason)]
    if finding.problem == "diverged":
        _refuse_unvouched(log, accepted[-1]["from"]["head"])
        return f"wrote {_derive(log, accepted)} in place of {log}"
    return f"wrote {write_expectation(log, accepted=accepted)}"


def _refuse_unvouched(log: Path, head: str) -> None:
    if recorded_head(log) != head:
        raise UsageError(
            f"{log}: no {expected_file(log).name} beside it says that this is the log that was recorded, so none is "
            "derived from it; restore the expectation, or remove the log and `coding-agent record` the episode anew"
        )


def _acceptance(log: Path, finding: Finding, category: Category, reason: str) -> dict[str, Any]:
    report = verify(log)
    header = read_events(log)[0]
    assert isinstance(header, EpisodeStarted)
    return {
        "category": category,
        "reason": reason,
        "found": {"problem": finding.problem, "text": finding.text.splitlines()[0], **_differing(finding.divergence)},
        "at": dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "by": harness(),
        "from": {
            "file": log.name, "recorded_by": header.harness, "head": report.head, "events": report.events,
            "semantic_digest": report.semantic_digest,
        },
    }  # fmt: skip


def _differing(found: Divergence | None) -> dict[str, Any]:
    if found is None:
        return {}
    shown = contrast(found.recorded, found.replayed)
    return {"seq": found.seq, "code": found.code, "path": found.path, "recorded": shown.recorded,
            "replayed": shown.replayed}  # fmt: skip


def _earlier(log: Path) -> list[Any]:
    """What was accepted before, if the expectation can be read."""
    try:
        earlier = read_expected(log).get("accepted", [])
    except (StoreError, AttributeError):
        return []
    return earlier if isinstance(earlier, list) else [earlier]


def _derive(log: Path, accepted: list[dict[str, Any]]) -> Path:
    """A new log: the recorded given fields, everything else as today's code derives it."""
    origin, target = accepted[-1]["from"], _next_name(log)
    state, written = EpisodeState(), LogWriter.create(target)
    try:
        with written:
            for each in read_decoded(log):
                event = rederive(state, each.event)
                if isinstance(event, EpisodeStarted):
                    parent = Parent(episode=event.episode, seq=origin["events"] - 1, chain=origin["head"])  # fmt: skip
                    event = attrs.evolve(event, parent=parent, harness=harness())
                state = evolve(state, event)
                written.append(event, at=each.record.at)
        write_expectation(target, accepted=accepted)
    except (NotHere, IllegalSequence) as error:
        target.unlink()
        raise UsageError(f"{log}: today's code goes another way here ({error}); record the episode anew") from error
    except StoreError:
        target.unlink()
        raise
    log.unlink()
    expected_file(log).unlink(missing_ok=True)
    return target


def _next_name(log: Path) -> Path:
    """`a~2` for `a`, `a~3` for `a~2`, and so on until there is none."""
    name = log.name.removesuffix(".jsonl")
    found = _NUMBERED.fullmatch(name)
    stem, first = (found[1], int(found[2]) + 1) if found else (name, 2)
    names = (log.with_name(f"{stem}~{number}.jsonl") for number in itertools.count(first))
    return next(each for each in names if not (each.exists() or expected_file(each).exists()))
