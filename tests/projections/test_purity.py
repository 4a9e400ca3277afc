"""Projections are functions of the events: the same at every prefix, through a file and back, and whatever was observed.

That they need no file, clock, socket or chance, and give the same in any place and under any Python, is tried in
`tests/campaigns/purity.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, get_args, get_type_hints

import attrs
import pytest
from hypothesis import HealthCheck, given, settings

from coding_agent.events.codec import decode, encode, field_kinds
from coding_agent.events.kinds import FieldKind
from coding_agent.events.schema import WIRE_NAMES, Done, Event, ModelTurn
from coding_agent.projections.conversation import conversation
from coding_agent.projections.metrics import episode_metrics
from coding_agent.projections.patch import patch
from coding_agent.projections.reward import reward
from coding_agent.projections.trajectory import trajectory
from coding_agent.projections.transcript import transcript
from coding_agent.replay.golden import projections
from coding_agent.rollout.state import EpisodeState, evolve, fold
from coding_agent.store.reader import read_events
from coding_agent.store.rundir import blobs_of
from tests.events.sequences import episodes
from tests.samples import no_blob

ROOT = Path(__file__).parents[2]
GOLDEN = sorted((ROOT / "replays").glob("*.jsonl"))
ANY_EPISODE = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def hold_at_every_prefix(events: Sequence[Event], read_blob: Callable[[str], bytes]) -> None:
    """One event after the other is as good as all of them again; what was said once is never unsaid."""
    state, before = EpisodeState(), fold(())
    for size, event in enumerate(events, start=1):
        prefix = events[:size]
        state = evolve(state, event)
        assert state == fold(prefix)
        shown = conversation(prefix)
        assert shown == state.conversation.messages == trajectory(prefix).messages
        assert shown[: len(before.conversation.messages)] == before.conversation.messages
        assert reward(prefix, read_blob).value is None or isinstance(event, Done)
        assert episode_metrics(prefix).turns == state.counts.turns
        assert transcript(prefix, full=True) == transcript(events, full=True)[: len(transcript(prefix))]
        if isinstance(event, ModelTurn):
            assert patch(prefix, read_blob) == patch(events, read_blob, until_turn=event.turn - 1)
        before = state


@pytest.mark.parametrize("path", GOLDEN, ids=lambda path: path.stem)
def test_at_every_prefix_of_a_recorded_episode_the_fold_is_the_whole_fold(path: Path) -> None:
    hold_at_every_prefix(read_events(path), blobs_of(path).get)


@given(episodes())
@ANY_EPISODE
def test_at_every_prefix_of_any_legal_episode_the_fold_is_the_whole_fold(events: list[Event]) -> None:
    hold_at_every_prefix(events, no_blob)


@given(episodes())
@ANY_EPISODE
def test_what_is_projected_is_the_same_after_a_way_through_json(events: list[Event]) -> None:
    again = [decode(WIRE_NAMES[type(event)], encode(event)) for event in events]
    assert projections(again, no_blob) == projections(events, no_blob)
    assert fold(again) == fold(events)


@given(episodes())
@ANY_EPISODE
def test_what_was_observed_changes_nothing_but_measured_times(events: list[Event]) -> None:
    made, unobserved = (projections(each, no_blob) for each in (events, [_unobserved(event) for event in events]))
    for measured in ("policy_s", "tool_s", "grade_s", "retries"):
        del made["metrics"][measured], unobserved["metrics"][measured]
    assert made == unobserved


def _unobserved(event: Event) -> Event:
    """The event as another host would have observed it."""
    hints = get_type_hints(type(event))
    observed = [name for name, kind in field_kinds(type(event)).items() if kind is FieldKind.OBSERVED]
    return attrs.evolve(event, **{name: _elsewhere(hints[name], getattr(event, name)) for name in observed})


def _elsewhere(hint: Any, value: Any) -> Any:
    if attrs.has(hint):
        return attrs.evolve(value, kind="elsewhere")
    return {str: "elsewhere", int: 7, float: 7.0}[
        next(kind for kind in get_args(hint) or (hint,) if kind is not type(None))
    ]
