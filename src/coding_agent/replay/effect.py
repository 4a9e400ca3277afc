"""What a divergence means for whoever trains on the episode: its reward, its turns."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import attrs

from coding_agent.errors import StoreError
from coding_agent.events.schema import Event, ModelTurn
from coding_agent.projections.reward import reward
from coding_agent.replay.divergence import Divergence


@attrs.frozen(kw_only=True)
class Effect:
    """`reward` is that of the log as it stands, `replayed` what it is with this release's event in its place; None:
    masked, not `reached` or not `known`."""

    reward: float | None
    replayed: float | None
    turns_unaffected: int
    """Turns before the divergence: their messages, tokens and masks are what they were."""
    turns: int
    reached: bool = True
    """False: this release goes another way there, so what it would be worth in the end is not known."""
    known: bool = True
    """False: a given field was changed, and from what nobody knows; so neither what the reward was."""

    @property
    def message(self) -> str:
        """One line for people."""
        before = "masked" if self.reward is None else f"{self.reward:g}"
        after = "masked" if self.replayed is None else f"{self.replayed:g}"
        worth = f"reward {before} either way" if before == after else f"reward {before} becomes {after}"
        if not self.known:
            worth = f"reward {before} as the file stands; what it was is not known"
        if not self.reached:
            worth = f"reward {before}, not reached by this release" if self.known else f"{worth}, nor reached here"
        return f"{worth}; tokens and mask of {self.turns_unaffected} of {self.turns} turns unaffected"


def effect_of(
    causes: Sequence[Divergence], instead: Event | None, events: Sequence[Event], read_blob: Callable[[str], bytes]
) -> Effect | None:
    """Of the first of the causes. None when it can not be told, because a blob of the log is not there."""
    found = causes[0]
    changed = [*events]
    if instead is not None:
        changed[found.seq] = instead
    try:
        before, after = reward(events, read_blob).value, reward(changed, read_blob).value
    except StoreError:
        return None
    reached = found.code in {"RPL-FIELD", "RPL-GIVEN"}
    known = all(cause.code != "RPL-GIVEN" for cause in causes)
    turns = [seq for seq, event in enumerate(events) if isinstance(event, ModelTurn)]
    # A turn was sampled from what stood before it: one that comes after the divergence would see something else.
    return Effect(
        reward=before,
        replayed=after if reached and known else None,
        turns_unaffected=sum(seq < found.seq for seq in turns),
        turns=len(turns),
        reached=reached,
        known=known,
    )
