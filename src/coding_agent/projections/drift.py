"""Drift: turns whose prompt does not begin with all that the turn before it had, prompt and completion, id by id.

A trainer that merges turns into one row can not do so across a drift, and a server's prefix cache is lost there.
"""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from coding_agent.events.schema import Event, ModelTurn
from coding_agent.events.tokens import Tail, common_prefix, is_redacted


@attrs.frozen(kw_only=True)
class Drift:
    """Counts of turns."""

    turns: int = 0
    """Those that have ids and come after one that has, or had."""
    reply: int = 0
    """The prompt departs within what was sampled last: it was rendered again, or a part of it is not sent back."""
    history: int = 0
    """The prompt departs before that: earlier messages were rewritten, left out, or rendered by another template."""
    redacted: int = 0
    """Turns without ids, as a secret was taken out of what was sampled: nothing is learnt from them. The next prompt
    shows the mark in its place, so it has departed."""
    unreadable: int = 0
    """Token records that refer to a turn that is not the one before: nothing can be said of them."""

    @property
    def rate(self) -> float | None:
        """None where no turn could drift."""
        return (self.reply + self.history) / self.turns if self.turns else None


def drift(events: Sequence[Event]) -> Drift:
    """Of one episode."""
    tail, sampled, gap = Tail(), 0, False
    found = Drift()
    for event in events:
        if not isinstance(event, ModelTurn):
            continue
        if (record := event.tokens) is None:
            gap = gap or is_redacted(event)
            found = attrs.evolve(found, redacted=found.redacted + is_redacted(event))
            continue
        try:
            prompt = tail.prompt(record)
        except ValueError:
            found = attrs.evolve(found, unreadable=found.unreadable + 1)
            tail = Tail()
            continue
        if tail.turn is not None or gap:
            lost = len(tail.ids) - common_prefix(tail.ids, prompt)
            found = attrs.evolve(
                found,
                turns=found.turns + 1,
                reply=found.reply + (lost <= sampled and (gap or lost > 0)),
                history=found.history + (lost > sampled),
            )
        tail, sampled, gap = tail.after(event), len(record.completion_ids), False
    return found


def summed(each: Sequence[Drift]) -> Drift:
    """Of many episodes."""
    return Drift(**{name: sum(getattr(one, name) for one in each) for name in attrs.fields_dict(Drift)})
