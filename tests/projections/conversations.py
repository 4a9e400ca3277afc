"""Generated conversations in tokens, which keep or rewrite their history, and the logs of them.

Every sampled id is a number of its own, and so is its log-probability: whatever is learnt from can be told to have been
sampled, where, and how likely.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import attrs
from hypothesis import strategies as st

from coding_agent.events.schema import EpisodeStarted, Event
from coding_agent.events.tokens import Tail
from coding_agent.events.values import TokenRecord
from tests.samples import START, turn

ids = st.lists(st.integers(0, 5), max_size=6).map(tuple)
Seen = tuple[tuple[int, ...], tuple[int, ...]]
SAMPLED = 100
"""The first sampled id; those of a prompt that were not sampled are smaller."""


def likelihood(token: int) -> float:
    """The log-probability of a sampled id."""
    return -token / 1024


@st.composite
def conversations(draw: st.DrawFn) -> list[Seen]:
    """Per turn the prompt that the model saw and the ids that it sampled; a history is kept, or cut and rewritten."""
    seen: list[Seen] = []
    history: tuple[int, ...] = ()
    fresh = itertools.count(SAMPLED)
    for _ in range(draw(st.integers(1, 5))):
        kept = draw(st.one_of(st.just(len(history)), st.integers(0, len(history))))
        prompt = history[:kept] + draw(ids)
        completion = tuple(itertools.islice(fresh, draw(st.integers(0, 6))))
        seen.append((prompt, completion))
        history = prompt + completion
    return seen


def recorded(seen: list[Seen], start: EpisodeStarted = START, spans: Sequence[tuple[int, ...]] = ()) -> list[Event]:
    """The log as the recorder writes it; `spans`: per turn the place of the arguments of its call."""
    events: list[Event] = [start]
    tail = Tail()
    for number, (prompt, completion) in enumerate(seen, start=1):
        logprobs, span = tuple(map(likelihood, completion)), spans[number - 1] if spans else ()
        record = TokenRecord(prompt_ids=prompt, completion_ids=completion, logprobs=logprobs, arguments=span)
        event = attrs.evolve(turn(number), tokens=tail.compress(record))
        events.append(event)
        tail = tail.after(event)
    return events
