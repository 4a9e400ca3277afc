"""The report of one log's replay: one value with every fact, and the same facts as lines for people."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, get_type_hints

import attrs

from coding_agent.errors import StoreError
from coding_agent.events.codec import field_kinds
from coding_agent.events.kinds import FieldKind
from coding_agent.events.schema import WIRE_NAMES
from coding_agent.replay.chain import Chain, known_chain
from coding_agent.replay.contrast import Contrast, contrast
from coding_agent.replay.divergence import NAMED, Divergence
from coding_agent.replay.effect import Effect, effect_of
from coding_agent.replay.origin import derived_by
from coding_agent.replay.sealed import Replay, replay_log
from coding_agent.rollout.secrets import own_secrets
from coding_agent.rollout.start import harness
from coding_agent.store.advice import Advice
from coding_agent.store.reader import condition_of, read_events
from coding_agent.store.rundir import advice_about, blobs_of, verify_log

_ENVELOPE = ("at", "synced", "chain")
"""When a line was written and what was durable then; the chain is checked against the bytes instead."""


def not_compared() -> tuple[str, ...]:
    """What a replay leaves out: of a line's envelope, and every field that the schema marks as observed."""
    found: dict[str, None] = dict.fromkeys(_ENVELOPE)
    for cls, name in WIRE_NAMES.items():
        observed = list(_observed(cls))
        whole = len(observed) == len(attrs.fields(cls))
        found.update(dict.fromkeys([name] if whole else observed))
    return tuple(found)


def _observed(cls: Any, prefix: str = "") -> Iterator[str]:
    hints = get_type_hints(cls)
    for name, kind in field_kinds(cls).items():
        if kind is FieldKind.OBSERVED:
            yield prefix + name
        elif isinstance(hints[name], type) and attrs.has(hints[name]):
            yield from _observed(hints[name], f"{prefix}{name}.")


NOT_COMPARED = not_compared()


@attrs.frozen(kw_only=True)
class Result:
    """One log's replay."""

    file: str
    outcome: str
    """identical or diverged; or, as `verify` calls it, torn, damaged, missing, unreadable or incompatible."""
    events: int = 0
    identical: int = 0
    """Events before the first divergence."""
    sealed: bool = False
    semantic_digest: str | None = None
    """State after the last identical event."""
    recorded_by: str | None = None
    replayed_by: str | None = None
    problem: str | None = None
    next: Advice | None = None
    """What to do about the problem."""
    divergence: Divergence | None = None
    contrast: Contrast | None = None
    derived_by: str | None = None
    line: int | None = None
    bytes: tuple[int, int] | None = None
    """Offsets of the line's first and last byte."""
    echoes: tuple[int, ...] = ()
    others: tuple[Divergence, ...] = ()
    chain: Chain | None = None
    """Of a log that diverged."""
    effect: Effect | None = None
    commands: tuple[str, ...] = ()
    """What to type next, to look further into a divergence."""
    not_compared: tuple[str, ...] = NOT_COMPARED

    @property
    def cause(self) -> tuple[str, str | None, str | None] | None:
        """What logs that diverged for the same reason have in common: nothing, where a given field was changed."""
        found = self.divergence
        if found is None:
            return None
        return found.kind, self.derived_by, self.file if found.code == "RPL-GIVEN" else None


def report_of(path: Path) -> Result:
    """Replay one file; what is wrong with it becomes part of the result."""
    try:
        return explain(path, replay_log(path))
    except StoreError as error:
        found = (each for each in verify_log(path) if each.kind != "manifest")
        wrong = (each.condition for each in found if each.condition not in {"sealed", "incomplete"})
        # What only decoding finds wrong, `verify` does not.
        condition = next(wrong, condition_of(error))
        problem, _ = own_secrets().scrub(str(error))
        return Result(file=str(path), outcome=condition, problem=problem, next=advice_about(error))


def explain(path: Path, replay: Replay) -> Result:
    """What there is to say about a replay of this file, without the harness's own secrets."""
    found = replay.divergence
    result = Result(
        file=str(path),
        outcome="diverged" if found else "identical",
        events=replay.events,
        identical=replay.identical,
        sealed=replay.sealed,
        semantic_digest=replay.semantic_digest,
        recorded_by=replay.header.harness if replay.header else None,
        replayed_by=harness(),
    )
    if found is None:
        return result
    # Before anything is cut out of a value: a part of a secret is harder to know.
    (shown, *others), _ = own_secrets().scrub([found, *replay.others])
    return attrs.evolve(
        result,
        divergence=shown,
        contrast=contrast(shown.recorded, shown.replayed),
        derived_by=derived_by(found, replay.instead),
        line=found.seq + 1,
        bytes=_bytes_of(path, found.seq),
        echoes=replay.echoes,
        others=tuple(others),
        chain=known_chain(path),
        commands=_commands(path, found),
        effect=effect_of([found, *replay.others], replay.instead, read_events(path), blobs_of(path).get),
    )


def headline(result: Result) -> str:
    """The one line of a log: where it diverged, or what else there is to say of it."""
    if (found := result.divergence) is not None:
        first, last = result.bytes or (0, 0)
        return f"event {found.seq} of {result.events} (line {result.line}, bytes {first}-{last})  {found.code}"
    open_end = "" if result.sealed or result.problem else "  (not sealed: replayed as far as it goes)"
    return result.problem or f"{result.events} events{open_end}"


def details(result: Result) -> list[str]:
    """The further lines of a log that diverged, or that could not be replayed."""
    if result.next is not None:
        return [f"  next: {result.next.text}"]
    return [_row(name, text) for name, text in _rows(result)]


def _rows(result: Result) -> Iterator[tuple[str, str]]:
    found = result.divergence
    if found is None:
        return
    yield "what", found.message
    if result.contrast is not None and found.code in {"RPL-FIELD", "RPL-GIVEN"}:
        yield from _sides(result, result.contrast)
    same = f"events 0-{found.seq - 1} identical" if found.seq else "nothing"
    yield "same", f"{same} (state {(result.semantic_digest or '')[:12]})"
    if result.echoes:
        yield "echoes", f"the same cause at {', '.join(map(str, result.echoes))}"
    yield from _further(result.others)
    if result.chain is not None:
        yield "chain", result.chain.message
    if result.derived_by:
        yield "derived by", result.derived_by
    if result.effect is not None:
        yield "effect", result.effect.message
    yield "not compared", ", ".join(result.not_compared)
    yield "next", result.commands[0]
    yield from (("", command) for command in result.commands[1:])


def plural(count: int, noun: str) -> str:
    """`1 cause`, `2 causes`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def further(causes: Sequence[Divergence]) -> list[str]:
    """Lines that name further causes."""
    return [_row(name, text) for name, text in _further(causes)]


def _further(causes: Sequence[Divergence]) -> Iterator[tuple[str, str]]:
    for other in causes[:NAMED]:
        yield "also", f"event {other.seq}  {other.code}  {other.message}"
    if (unnamed := len(causes) - NAMED) > 0:
        yield "", f"and {plural(unnamed, 'cause')} more, which --json has"


def _row(name: str, text: str) -> str:
    return f"  {name:<13}{text}"


def _commands(path: Path, found: Divergence) -> tuple[str, ...]:
    log = shlex.quote(str(path))
    fork = (f"coding-agent fork {log} --at {found.seq - 1}",) if found.seq else ()
    return (f"coding-agent show {log}", f"coding-agent replay --json {log}", *fork)


def _sides(result: Result, values: Contrast) -> Iterator[tuple[str, str]]:
    yield "recorded", f"{values.recorded}   (by {result.recorded_by})"
    yield "replayed", f"{values.replayed}   (by {result.replayed_by})"
    yield "", " " * values.caret + "^"
    if values.note:
        yield "", values.note


def _bytes_of(path: Path, seq: int) -> tuple[int, int]:
    """Offsets of the first and the last byte of a line."""
    offset = 0
    with path.open("rb") as stream:
        for number, raw in enumerate(stream):
            if number == seq:
                return offset, offset + len(raw) - 1
            offset += len(raw)
    return offset, offset
