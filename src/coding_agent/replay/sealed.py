"""Sealed replay: the loop driven by the log alone. No model, sandbox, network, clock or task files.

Given fields are taken from the log, derived ones are computed by today's code and must be equal; the state hash is
recomputed over the result, so that a given field that was changed behind the log's back is noticed at its event.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

import attrs

from coding_agent.errors import IllegalSequence
from coding_agent.events.line import STATE_SEED, Record, next_state
from coding_agent.events.schema import (
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
from coding_agent.replay.divergence import Divergence, compare
from coding_agent.rollout.decide import Append, AskPolicy, Finish, Grade, RunTool, Step, decide
from coding_agent.rollout.state import EpisodeState, evolve
from coding_agent.store.reader import read_records
from coding_agent.tools.dispatch import Denied, parse_arguments, prepare
from coding_agent.tools.render_tests import render_test_run


@attrs.frozen(kw_only=True)
class Replay:
    """What came of a replay. `divergence` None: identical as far as the log goes."""

    events: int
    """Compared and found equal."""
    sealed: bool
    semantic_digest: str
    divergence: Divergence | None


def replay_log(path: Path) -> Replay:
    """Replay one log file. Raises StoreError for a file that is not intact, LogIncompatible for an unknown format."""
    return replay(read_records(path))


def replay(records: Iterable[Record]) -> Replay:
    """Replay verified records, stopping at the first divergence."""
    state, digest, count = EpisodeState(), STATE_SEED, 0
    for record in records:
        recorded = record.event
        found = _check(state, record, recorded, digest)
        if isinstance(found, Divergence):
            return Replay(events=count, sealed=False, semantic_digest=digest, divergence=found)
        state, digest, count = evolve(state, found), record.state, count + 1
    sealed = state.done is not None
    return Replay(events=count, sealed=sealed, semantic_digest=digest, divergence=None)


def _check(state: EpisodeState, record: Record, recorded: Event, digest: str) -> Event | Divergence:
    name, seq = record.type, record.seq
    try:
        replayed = rederive(state, recorded)
    except _NotHere as wrong:
        code, instead = wrong.code, wrong.instead
        return Divergence(seq=seq, code=code, event=name, path=name, recorded=name, replayed=instead)
    divergence = compare(seq, recorded, replayed)
    if divergence is not None:
        return divergence
    try:
        evolve(state, replayed)
    except IllegalSequence as error:
        return Divergence(seq=seq, code="RPL-SEQUENCE", event=name, path=name, recorded=name, replayed=str(error))
    after = next_state(digest, replayed)
    if after != record.state:
        return Divergence(
            seq=seq, code="RPL-GIVEN", event=name, path=f"{name}.state", recorded=record.state, replayed=after
        )
    return replayed


class _NotHere(Exception):
    def __init__(self, instead: str, *, finished: bool = False) -> None:
        self.instead = instead
        self.code: Literal["RPL-EXTRA", "RPL-TYPE"] = "RPL-EXTRA" if finished else "RPL-TYPE"
        super().__init__(instead)


def rederive(state: EpisodeState, recorded: Event) -> Event:
    """The event that today's code puts here, given fields taken from `recorded`."""
    if state.started is None or isinstance(recorded, EpisodeStarted | Label | Resumed | Stopped):
        return recorded
    step = decide(state)
    match step, recorded:
        case Append(event=event), _:
            return event
        case AskPolicy(), ModelTurn():
            return _turn(step, recorded)
        case RunTool(), ToolResult() | TestRun():
            return _answer(step, state, recorded)
        case Grade(), TestRun():
            return attrs.evolve(recorded, purpose="grade", call=None)
        case _:
            raise _NotHere(_expected(step), finished=isinstance(step, Finish))


def _turn(step: AskPolicy, recorded: ModelTurn) -> ModelTurn:
    calls = []
    for call in recorded.calls:
        arguments, error = parse_arguments(call.raw)
        calls.append(attrs.evolve(call, arguments=arguments, error=error))
    return attrs.evolve(recorded, turn=step.turn, request_digest=step.request_digest, calls=tuple(calls))


def _answer(step: RunTool, state: EpisodeState, recorded: ToolResult | TestRun) -> Event:
    call = step.call.call
    prepared = prepare(step.asked, tuple(tool.name for tool in state.header.tools))
    if isinstance(prepared, Denied):
        return ToolResult(call=call, outcome="denied", text=prepared.text)
    if state.open_test is not None:
        outcome: ToolOutcome = "timeout" if state.open_test.timed_out else "ok"
        text = render_test_run(state.open_test, test_s=state.limits.test_s)
        return ToolResult(call=call, outcome=outcome, text=text)
    if isinstance(recorded, TestRun):
        if step.call.tool != "run_tests":
            raise _NotHere("tool_result")
        return attrs.evolve(recorded, purpose="agent", call=call)
    return attrs.evolve(recorded, call=call)


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
