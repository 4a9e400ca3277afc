"""The exact tokens of an episode's turns, stored once: a turn's prompt is written as what it adds to an earlier turn's.

A prompt that does not begin with all of the turn before it (prompt plus completion) has *drifted*: the history was
rendered again and came out differently. The record then says how far the two agree, and nothing is repaired.
"""

from __future__ import annotations

import attrs

from coding_agent.events.schema import Event, ModelTurn
from coding_agent.events.values import TokenRecord

Ids = tuple[int, ...]


@attrs.frozen(kw_only=True)
class Tail:
    """The last turn that has tokens: its number, and its prompt plus completion."""

    turn: int | None = None
    ids: Ids = ()

    def after(self, event: Event) -> Tail:
        """The tail when `event` has been appended. Raises ValueError for a record that refers elsewhere."""
        if not isinstance(event, ModelTurn) or event.tokens is None:
            return self
        return Tail(turn=event.turn, ids=self.prompt(event.tokens) + event.tokens.completion_ids)

    def prompt(self, record: TokenRecord) -> Ids:
        """The whole prompt of the turn after this tail. Raises ValueError for a record that refers elsewhere."""
        if record.base_turn is None:
            return record.prompt_ids
        if record.base_turn != self.turn or record.shared > len(self.ids):
            raise ValueError(f"a token record shares {record.shared} ids with turn {record.base_turn}, not with this")
        return self.ids[: record.shared] + record.prompt_ids

    def compress(self, record: TokenRecord) -> TokenRecord:
        """The same tokens, without those that the turn before has already; a record that is short stays as it is."""
        if self.turn is None or record.base_turn is not None:
            return record
        shared = common_prefix(self.ids, record.prompt_ids)
        return attrs.evolve(record, base_turn=self.turn, shared=shared, prompt_ids=record.prompt_ids[shared:])


def is_redacted(turn: ModelTurn) -> bool:
    """Whether the ids of a turn are gone with a secret, which they would spell."""
    return turn.tokens is None and turn.redacted > 0


def common_prefix(left: Ids, right: Ids) -> int:
    """How many ids two sequences have in common from the start."""
    pairs = enumerate(zip(left, right, strict=False))
    return next((index for index, (mine, theirs) in pairs if mine != theirs), min(len(left), len(right)))
