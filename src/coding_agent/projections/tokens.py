"""Training rows: the exact ids that a model saw and sampled, which of them are learnt from, and where history drifted.

Invariants, each a property test (P1 … P7):
P1 a row is the ids that the model saw, then those that it sampled. P2 turns are merged into one row only where a prompt
begins with all of the row so far; elsewhere a new row begins, nothing is spliced. P3 only sampled ids are learnt from,
and each once. P4 a missing or non-finite log-probability is an error, never 0.0. P5 an advantage belongs to an episode:
all its rows have it, however many (`exports/areno_rows.py`). P6 only a sample's last attempt is trained on, and only
where it came to an end that says something; a turn that a limit cut is marked. P7 the same log gives the same rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import attrs

from coding_agent.events.schema import Event, ModelTurn
from coding_agent.events.tokens import Ids, Tail, common_prefix, is_redacted

Trainable = Literal["all", "last", "final_answer", "tool_arguments"]
Drift = Literal["keep", "cut"]
TRAINABLE: tuple[Trainable, ...] = ("all", "last", "final_answer", "tool_arguments")
"""All turns; the last one; the one that submitted (else the last, if it had no tool call); only the executed calls'
arguments."""
CONTEXT = "max_context_len"
"""Among a turn's sampling parameters: prompt and completion together, in ids."""


@attrs.frozen(kw_only=True)
class SampledTurn:
    """One turn in tokens."""

    turn: int
    actor: str
    prompt: Ids
    completion: Ids
    logprobs: tuple[float, ...]
    """Natural log, one per completion id."""
    lost: int
    """How many ids of the turn before this prompt does not begin with."""
    after_redacted: bool
    """What was sampled just before is shown with a mark in the place of a secret."""
    learnt: tuple[int, int]
    """First and after-last index into `completion` of what may be learnt from."""
    truncated: bool

    @property
    def drifted(self) -> bool:
        """The prompt shows otherwise than it was what had been shown and sampled."""
        return self.lost > 0 or self.after_redacted

    def is_longer_than(self, context: int | None) -> bool:
        """Prompt and completion together; None is no limit."""
        return context is not None and len(self.prompt) + len(self.completion) > context


@attrs.frozen(kw_only=True)
class TokenRow:
    """One sequence to train on. The three lists have one element per id."""

    ids: Ids
    loss_mask: tuple[bool, ...]
    """True for what is learnt from: sampled ids only."""
    logprobs: tuple[float, ...]
    """0.0 where the mask is False."""
    turns: tuple[int, ...]
    """The turns whose completions the row holds and is trained on."""


def sampled_turns(events: Sequence[Event]) -> tuple[SampledTurn, ...]:
    """Every turn that has tokens. Raises ValueError naming the turn where a log-probability is missing."""
    found: list[SampledTurn] = []
    tail, gap = Tail(), False
    for event in events:
        gap = gap or (isinstance(event, ModelTurn) and is_redacted(event))
        if isinstance(event, ModelTurn) and (record := event.tokens) is not None:
            prompt = tail.prompt(record)
            found.append(
                SampledTurn(
                    turn=event.turn,
                    actor=event.actor,
                    prompt=prompt,
                    completion=record.completion_ids,
                    logprobs=_logprobs(event.turn, record.logprobs, len(record.completion_ids)),
                    lost=len(tail.ids) - common_prefix(tail.ids, prompt),
                    after_redacted=gap,
                    learnt=(0, len(record.completion_ids)),
                    truncated=event.truncated,
                )
            )
            gap = False
        tail = tail.after(event)
    return tuple(found)


def untrainable(events: Sequence[Event]) -> str | None:
    """Why nothing can be learnt from an episode's tokens; None: they are as they should be, or there are none."""
    try:
        sampled_turns(events)
    except ValueError as error:
        return f"no tokens to train on: {error}"
    return None


def context_of(events: Sequence[Event]) -> int | None:
    """How many ids a trainer takes of one turn, as its turns were asked for; None: no limit is known."""
    found = [event.sampling.get(CONTEXT) for event in events if isinstance(event, ModelTurn)]
    limits = [limit for limit in found if isinstance(limit, int)]
    return min(limits, default=None)


def trained_turns(
    events: Sequence[Event], *, trainable: Trainable = "all", drift: Drift = "keep"
) -> tuple[SampledTurn, ...]:
    """What of an episode is trained on: up to a turn longer than its context, and with `cut` up to one that drifted.

    An episode without a trainable turn counts in its group's baseline all the same: its last turn, nothing learnt.
    """
    kept: list[SampledTurn] = []
    context = context_of(events)
    for turn in sampled_turns(events):
        if turn.is_longer_than(context) or (drift == "cut" and turn.drifted):
            break
        kept.append(turn)
    chosen = choose(events, kept, trainable)
    return chosen or tuple(attrs.evolve(turn, learnt=(0, 0)) for turn in kept[-1:])


def choose(events: Sequence[Event], turns: Sequence[SampledTurn], trainable: Trainable) -> tuple[SampledTurn, ...]:
    """The turns to train on. With `tool_arguments` each keeps only its arguments' span; without one it is left out."""
    said = {event.turn: event for event in events if isinstance(event, ModelTurn)}
    match trainable:
        case "all":
            return tuple(turns)
        case "last":
            return tuple(turns[-1:])
        case "final_answer":
            last = [turn for turn in turns[-1:] if _is_answer(said[turn.turn])]
            return tuple(last)
        case "tool_arguments":
            return tuple(
                attrs.evolve(turn, learnt=(span[0], span[1]))
                for turn in turns
                if (span := _span(said[turn.turn])) is not None
            )


def row_of(turn: SampledTurn) -> TokenRow:
    """One turn as a row of its own, which ends where what is learnt ends."""
    start, end = turn.learnt
    before = len(turn.prompt) + start
    return TokenRow(
        ids=turn.prompt + turn.completion[:end],
        loss_mask=(False,) * before + (True,) * (end - start),
        logprobs=(0.0,) * before + turn.logprobs[start:end],
        turns=(turn.turn,),
    )


def rows(turns: Sequence[SampledTurn], *, merge: bool) -> tuple[TokenRow, ...]:
    """One row per turn, or (`merge`) one row as long as each prompt begins with the row so far."""
    if not merge:
        return tuple(map(row_of, turns))
    found: list[TokenRow] = []
    for turn in turns:
        start, end = turn.learnt
        ids = turn.prompt + turn.completion
        mask = _spread(len(turn.prompt), len(turn.completion), start, end)
        logprobs = (0.0,) * len(turn.prompt) + _kept(turn.logprobs, start, end)
        before = found[-1] if found else None
        if before is not None and turn.prompt[: len(before.ids)] == before.ids:
            found.pop()
            mask = before.loss_mask + mask[len(before.ids) :]
            logprobs = before.logprobs + logprobs[len(before.ids) :]
            found.append(TokenRow(ids=ids, loss_mask=mask, logprobs=logprobs, turns=(*before.turns, turn.turn)))
        else:
            found.append(TokenRow(ids=ids, loss_mask=mask, logprobs=logprobs, turns=(turn.turn,)))
    return tuple(found)


def _spread(prompt: int, completion: int, start: int, end: int) -> tuple[bool, ...]:
    return (False,) * (prompt + start) + (True,) * (end - start) + (False,) * (completion - end)


def _kept(logprobs: tuple[float, ...], start: int, end: int) -> tuple[float, ...]:
    return (0.0,) * start + logprobs[start:end] + (0.0,) * (len(logprobs) - end)


def _logprobs(turn: int, values: Sequence[float | str], expected: int) -> tuple[float, ...]:
    if len(values) != expected:
        raise ValueError(
            f"turn {turn}: expected {expected} log-probabilities, one per completion id, found {len(values)}"
        )
    numbers = [value for value in values if not isinstance(value, str)]
    if len(numbers) != expected:
        raise ValueError(
            f"turn {turn}: expected finite log-probabilities, found {next(v for v in values if v not in numbers)}"
        )
    return tuple(numbers)


def _is_answer(turn: ModelTurn) -> bool:
    return not turn.calls or turn.calls[0].name == "submit"


def _span(turn: ModelTurn) -> tuple[int, int] | None:
    span = turn.tokens.arguments if turn.tokens is not None else ()
    return (span[0], span[1]) if span else None
