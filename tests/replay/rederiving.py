"""A log written again from its own given and observed fields: everything else as today's code derives it."""

from __future__ import annotations

from collections.abc import Iterable

from coding_agent.events.line import CHAIN_SEED, STATE_SEED, Record, write_line
from coding_agent.replay.sealed import rederive
from coding_agent.rollout.state import EpisodeState, evolve


def rederived(records: Iterable[Record]) -> bytes:
    """The bytes of the log, if it was recorded by code that does what today's does."""
    position, state, chain, whole = EpisodeState(), STATE_SEED, CHAIN_SEED, []
    for record in records:
        event = rederive(position, record.event)
        line = write_line(event, seq=record.seq, at=record.at, synced=record.synced, state=state, chain=chain)
        position, state, chain = evolve(position, event), line.state, line.chain
        whole.append(line.raw)
    return b"".join(whole)
