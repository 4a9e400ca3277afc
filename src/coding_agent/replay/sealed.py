"""Sealed replay: the loop driven by the log alone. No model, sandbox, network, clock or task files.

Given fields are taken from the log, derived ones are computed by today's code and must be equal; the state hash is
recomputed over the result, so that a given field that was changed behind the log's back is noticed at its event.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import attrs

from coding_agent.errors import IllegalSequence, LogIncompatible, UnknownEvent
from coding_agent.events.line import STATE_SEED, Record, next_state
from coding_agent.events.schema import (
    FORMAT,
    WIRE_NAMES,
    Done,
    EpisodeStarted,
    Event,
    Label,
    ModelTurn,
    Resumed,
    Stopped,
    TestRun,
    ToolOutcome,
    ToolResult,
)
from coding_agent.events.unknown import Unknown, dotted
from coding_agent.events.values import ModelToolCall
from coding_agent.replay.divergence import Code, Divergence, compare, folded
from coding_agent.replay.origin import function_of
from coding_agent.rollout.decide import Append, AskPolicy, Finish, Grade, RunTool, Step, decide
from coding_agent.rollout.state import EpisodeState, evolve
from coding_agent.store.reader import Decoded, read_decoded
from coding_agent.store.rundir import blob_check
from coding_agent.tools.dispatch import Denied, never_ran, parse_arguments, prepare
from coding_agent.tools.render_tests import render_test_run


@attrs.frozen(kw_only=True)
class Replay:
    """What came of a replay."""

    header: EpisodeStarted | None
    events: int
    """In the log."""
    identical: int
    """Events before the first divergence; all of them if there is none."""
    sealed: bool
    """The log has its Done."""
    semantic_digest: str
    """State after the last identical event."""
    divergence: Divergence | None = None
    """The first; None: identical as far as the log goes."""
    echoes: tuple[int, ...] = ()
    """Later events that differ for the same cause: in a field derived alike, or in the digest of changed texts."""
    others: tuple[Divergence, ...] = ()
    """Further causes: the first divergence of each."""
    instead: Event | None = None
    """What this release puts where the first divergence is, if it differs in a field."""


def replay_log(path: Path) -> Replay:
    """Replay one log file. Raises StoreError for a file that is not intact, LogIncompatible for what is not known.

    Nothing of a blob is needed to derive an event; one that is not what the log says is told all the same.
    """
    run, blobs = _Run(), blob_check(path)
    for each in read_decoded(path):
        blobs.require(each.record, str(path))
        try:
            _refuse_unknown(each.record, each.unknown)
        except UnknownEvent as error:
            raise LogIncompatible(str(path), str(error), line=each.record.seq + 1) from error
        run.take(each.record, each.event)
    return run.result()


def replay(records: Iterable[Record]) -> Replay:
    """Replay verified records of today's format.

    After a divergence the recorded event is gone on with, so that each cause shows once.
    An event that has no place in today's episode ends the comparison: nothing after it can be compared.
    Raises UnknownEvent for a type or a field of a newer release.
    """
    run = _Run()
    for record in records:
        _refuse_unknown(record, record.unknown)
        run.take(record, record.event)
    return run.result()


def first_divergence(history: Iterable[Decoded]) -> Divergence | None:
    """For the beginning of a log. Fields of a newer release are passed over, and state hashes that cover them."""
    run = _Run()
    for each in history:
        run.take(each.record, each.event, whole=not each.unknown)
    return run.result().divergence


def _refuse_unknown(record: Record, unknown: Unknown) -> None:
    if unknown:
        fields = ", ".join(f"{record.type}.{dotted(path)}" for path in unknown)
        raise UnknownEvent(
            f"{fields}: written by a newer release; this one can not say whether it would derive the same"
        )


class _Run:
    def __init__(self) -> None:
        self.state, self.digest, self.count = EpisodeState(), STATE_SEED, 0
        self.causes: list[tuple[Divergence, Event | None]] = []
        self.kinds: set[tuple[str, object]] = set()
        """Of every derived difference that is part of a cause, and what derives it."""
        self.echoes: list[int] = []
        self.identical_digest = STATE_SEED
        self.checks_state = True
        """False for an older format, whose state hashes are of what it wrote, not of what that stands for today."""
        self.lost = False
        """Nothing more can be compared."""
        self.mended: EpisodeState | None = None
        """The state if this release's events stood where they differ; None until one does, or if they can not."""

    def take(self, record: Record, recorded: Event, *, whole: bool = True) -> None:
        """`whole`: the event is all that the record holds, so its state hash can be made again."""
        self.count += 1
        if isinstance(recorded, EpisodeStarted):
            self.checks_state = recorded.format == record.data.get("format", FORMAT) == FORMAT
        if self.lost:
            return
        found, instead = _check(self.state, record, recorded, self.digest if self.checks_state and whole else None)
        if found:
            self._note(found, instead)
            self.lost = found[0].code not in {"RPL-FIELD", "RPL-GIVEN"}
        self._mend(instead, recorded)
        try:
            self.state = evolve(self.state, recorded)
        except IllegalSequence as error:
            if not self.lost:
                self._note([_misfit(record, "RPL-SEQUENCE", str(error))], None)
            self.lost = True
        self.digest = record.state
        if not self.causes:
            self.identical_digest = record.state

    def _mend(self, instead: Event | None, recorded: Event) -> None:
        before = self.state if instead is not None and self.mended is None else self.mended
        if before is not None:
            with suppress(IllegalSequence):
                self.mended = evolve(before, instead or recorded)
                return
        self.mended = None

    def _note(self, found: Sequence[Divergence], instead: Event | None) -> None:
        """What differs in one event: echoes, or new causes, of which each is what one function derives."""
        derived = [(each, function_of(each, instead)) for each in found]
        new = [(each, by) for each, by in derived if (each.kind, by) not in self.kinds and not self._follows(each)]
        if not new:
            self.echoes.append(found[0].seq)
        causes: dict[object, list[Divergence]] = {}
        for each, by in new:
            if each.code != "RPL-GIVEN":  # a change behind the log's back follows from no other
                self.kinds.add((each.kind, by))
            causes.setdefault((each.code, by), []).append(each)
        self.causes += [(folded(cause), instead) for cause in causes.values()]

    def _follows(self, found: Divergence) -> bool:
        """A digest of a conversation that an earlier cause changed: no cause of its own."""
        if found.path != f"{WIRE_NAMES[ModelTurn]}.request_digest":
            return False
        if any(cause.code == "RPL-GIVEN" for cause, _ in self.causes):
            return True  # what was given is not known, so neither is what its digest was
        if self.mended is None or not isinstance(step := decide(self.mended), AskPolicy):
            return False
        return bool(step.request_digest == found.recorded)

    def result(self) -> Replay:
        first, instead = self.causes[0] if self.causes else (None, None)
        return Replay(
            header=self.state.started,
            events=self.count,
            identical=self.count if first is None else first.seq,
            sealed=self.state.done is not None,
            semantic_digest=self.identical_digest,
            divergence=first,
            echoes=tuple(self.echoes),
            others=tuple(cause for cause, _ in self.causes[1:]),
            instead=instead,
        )


def _check(
    state: EpisodeState, record: Record, recorded: Event, digest: str | None
) -> tuple[list[Divergence], Event | None]:
    """What differs, and what this release puts there. `digest`: the state before; None where it is not compared."""
    try:
        replayed = rederive(state, recorded)
    except NotHere as wrong:
        return [_misfit(record, wrong.code, wrong.instead)], None
    found = compare(record.seq, recorded, replayed)
    if digest is None or record.state == next_state(digest, recorded):
        return found, replayed if found else None  # who recorded other derived fields made the state of them
    if record.state == (after := next_state(digest, replayed)):
        return found, replayed if found else None
    given = attrs.evolve(_misfit(record, "RPL-GIVEN", after), path=f"{record.type}.state", recorded=record.state)
    return [*found, given], replayed if found else None


def _misfit(record: Record, code: Code, instead: str) -> Divergence:
    """The event as a whole."""
    name = record.type
    return Divergence(seq=record.seq, code=code, event=name, path=name, recorded=name, replayed=instead)


class NotHere(Exception):
    """The recorded event has no place here."""

    def __init__(self, instead: str, code: Code) -> None:
        self.instead, self.code = instead, code
        super().__init__(instead)


def rederive(state: EpisodeState, recorded: Event) -> Event:
    """The event that today's code puts here; given and observed fields are taken from `recorded`."""
    if isinstance(recorded, Label):
        return attrs.evolve(recorded, calls=_parsed(recorded.calls))
    if state.started is None or isinstance(recorded, EpisodeStarted | Resumed | Stopped):
        return recorded
    step = decide(state)
    match step, recorded:
        case Append(event=event), _ if type(event) is type(recorded):
            return event
        case AskPolicy(), ModelTurn():
            return _turn(step, recorded)
        case RunTool(), ToolResult() | TestRun():
            answer = _answer(step, state, recorded)
            if type(answer) is not type(recorded):
                raise NotHere(WIRE_NAMES[type(answer)], "RPL-UNCONSUMED")
            return answer
        case Grade(), TestRun():
            return attrs.evolve(recorded, purpose="grade", call=None)
        case _:
            raise NotHere(_expected(step), _misplaced(step, recorded))


def _turn(step: AskPolicy, recorded: ModelTurn) -> ModelTurn:
    calls = _parsed(recorded.calls)
    return attrs.evolve(recorded, turn=step.turn, request_digest=step.request_digest, calls=calls)


def _parsed(calls: Iterable[ModelToolCall]) -> tuple[ModelToolCall, ...]:
    parsed = ((call, *parse_arguments(call.raw)) for call in calls)
    return tuple(attrs.evolve(call, arguments=arguments, error=error) for call, arguments, error in parsed)


def _answer(step: RunTool, state: EpisodeState, recorded: ToolResult | TestRun) -> Event:
    call = step.call.call
    prepared = prepare(step.asked, tuple(tool.name for tool in state.header.tools))
    took = recorded.latency_s
    if isinstance(prepared, Denied):
        return ToolResult(call=call, outcome="denied", text=prepared.text, latency_s=took)
    if state.open_test is not None:
        outcome: ToolOutcome = "timeout" if state.open_test.timed_out else "ok"
        text = render_test_run(state.open_test, test_s=state.limits.test_s)
        return ToolResult(call=call, outcome=outcome, text=text, latency_s=took)
    tool = prepared.tool.name
    if isinstance(recorded, ToolResult) and recorded.outcome == "denied" and never_ran(tool, recorded.text):
        raise NotHere(f"a run of {tool}", "RPL-UNCONSUMED")
    if isinstance(recorded, TestRun):
        if step.call.tool != "run_tests":
            raise NotHere(WIRE_NAMES[ToolResult], "RPL-UNCONSUMED")
        return attrs.evolve(recorded, purpose="agent", call=call)
    return attrs.evolve(recorded, call=call)


def _misplaced(step: Step, recorded: Event) -> Code:
    if isinstance(step, Finish):
        return "RPL-EXTRA"
    if isinstance(recorded, Done):
        return "RPL-MISSING"
    if isinstance(step, Append) and isinstance(recorded, ModelTurn | ToolResult | TestRun):
        return "RPL-UNCONSUMED"
    return "RPL-TYPE"


def _expected(step: Step) -> str:
    match step:
        case Append(event=event):
            return WIRE_NAMES[type(event)]
        case AskPolicy():
            return WIRE_NAMES[ModelTurn]
        case RunTool():
            return WIRE_NAMES[ToolResult]
        case Grade():
            return WIRE_NAMES[TestRun]
        case Finish():
            return f"nothing after {WIRE_NAMES[Done]}"
