"""The transcript: an episode as blocks of text for people. Structure only; whoever shows it chooses colours."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Literal

import attrs

from coding_agent.events.schema import (
    Done,
    EpisodeStarted,
    Event,
    Label,
    ModelTurn,
    Notice,
    Resumed,
    Stopped,
    TestRun,
    ToolCall,
    ToolResult,
)
from coding_agent.events.values import JSON
from coding_agent.events.verdict import disbelief, passed, unmet

BlockKind = Literal["header", "message", "thought", "call", "diff", "result", "failure", "notice", "grade", "done"]
SHORT_LINES = 12
INLINE = 100
"""Characters of an argument's first line that stand beside the tool's name."""


@attrs.frozen(kw_only=True)
class Block:
    """One thing to show, made of the event `seq`. `turn` 0 is before the first turn."""

    seq: int = 0
    turn: int
    kind: BlockKind
    title: str
    body: str = ""


def transcript(events: Sequence[Event], *, turn: int | None = None, full: bool = False) -> tuple[Block, ...]:
    """The blocks of an episode, or of one turn. Long texts are cut to `SHORT_LINES` unless `full`."""
    blocks = []
    now = 0
    for seq, event in enumerate(events):
        if isinstance(event, ModelTurn):
            now = event.turn
        blocks += [attrs.evolve(block, turn=now, seq=seq) for block in _blocks(event)]
    chosen = [block for block in blocks if turn is None or block.turn == turn]
    return tuple(block if full else attrs.evolve(block, body=_shortened(block.body)) for block in chosen)


def _blocks(event: Event) -> Iterator[Block]:
    match event:
        case EpisodeStarted():
            from_where = f" · forked from {event.parent.episode} at {event.parent.seq}" if event.parent else ""
            title = f"{event.task} · sample {event.sample} · {event.policy}{from_where}"
            yield Block(turn=0, kind="header", title=title)
            for message in event.messages:
                yield Block(turn=0, kind="message", title=message.role, body=message.content or "")
        case ModelTurn():
            thought = event.content or ""
            yield Block(turn=0, kind="thought", title=f"turn {event.turn} · {event.actor}", body=thought)
        case ToolCall():
            yield from _call(event)
        case ToolResult():
            kind: BlockKind = "result" if event.outcome == "ok" else "failure"
            yield Block(turn=0, kind=kind, title=event.outcome, body=event.text)
        case Notice():
            yield Block(turn=0, kind="notice", title=event.kind, body=event.text)
        case TestRun(purpose="grade"):
            yield Block(turn=0, kind="grade", title=_grade_title(event), body=_grade_body(event))
        case Stopped():
            yield Block(turn=0, kind="failure", title=f"stopped in {event.stage}: {event.cause}", body=event.detail)
        case Done():
            yield Block(turn=0, kind="done", title=event.reason, body=event.summary)
        case Label():
            yield Block(turn=0, kind="notice", title=f"label by {event.labeller}", body=event.content or "")
        case Resumed():
            yield Block(turn=0, kind="notice", title="resumed after a crash")
        case TestRun():
            return


def _call(event: ToolCall) -> Iterator[Block]:
    arguments = dict(event.arguments)
    diff = arguments.pop("patch", None)
    inline = " ".join(f"{name}={_value(value)}" for name, value in arguments.items())
    yield Block(turn=0, kind="call", title=f"{event.tool} {inline}".rstrip())
    if isinstance(diff, str):
        yield Block(turn=0, kind="diff", title="patch", body=diff)


def _value(value: JSON) -> str:
    # Not repr: which characters that escapes depends on the Python.
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    first, _, rest = text.partition("\n")
    return first[:INLINE] + ("…" if rest or len(first) > INLINE else "")


def _grade_title(run: TestRun) -> str:
    if passed(run):
        return f"passed: all {len(run.expected)} expected tests"
    doubt = disbelief(run)
    if doubt and not unmet(run):
        return f"failed: {doubt}"
    return f"failed: {len(unmet(run))} of {len(run.expected)} expected tests did not pass"


def _grade_body(run: TestRun) -> str:
    lines = [f"not passed: {test} ({run.outcomes.get(test, 'not run')})" for test in unmet(run)]
    lines += [f"{f.exception} at {f.file}:{f.line}: {f.message}" for f in run.failures]
    lines += [f"undone before grading: {tampering}" for tampering in run.tampering]
    return "\n".join(lines)


def _shortened(text: str) -> str:
    lines = text.split("\n")
    if len(lines) <= SHORT_LINES:
        return text
    return "\n".join([*lines[:SHORT_LINES], f"… {len(lines) - SHORT_LINES} more lines"])
