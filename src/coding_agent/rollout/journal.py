"""One episode's log while it grows: each event is acknowledged, folded into the state, and shown to who watches."""

from __future__ import annotations

import functools

import anyio
from anyio import to_thread

from coding_agent.events.schema import Done, Event, StopCause, Stopped
from coding_agent.events.text import escape
from coding_agent.events.tokens import Tail
from coding_agent.rollout.begin import Beginning
from coding_agent.rollout.state import evolve, fold
from coding_agent.rollout.world import Stage, World


class Journal:
    """What has happened (`events`), what follows from it (`state`, `tail`), and when it last moved."""

    def __init__(self, beginning: Beginning, world: World) -> None:
        self.log, self.world = beginning.log, world
        self.events: list[Event] = list(beginning.history)
        self.state = fold(self.events)
        self.tail = functools.reduce(Tail.after, self.events, Tail())
        self.stage: Stage = "set-up"
        self.moved_at = anyio.current_time()

    async def record(self, *events: Event) -> None:
        """Acknowledge events. Slow (synced) appends leave the event loop alone. Raises EncodeError, StoreError."""
        for event in events:
            state = evolve(self.state, event)
            if isinstance(event, Done) or self.world.durability == "event":
                await to_thread.run_sync(self.log.append, event)
            else:
                self.log.append(event)
            self.state, self.tail = state, self.tail.after(event)
            self.events.append(event)
            self.moved_at = anyio.current_time()
            self.world.observer(state.header.episode, self.stage, event)

    async def stop(self, cause: StopCause, detail: str) -> None:
        """Write down what ended the episode from outside, unless it is sealed."""
        if self.state.done is None:
            text, redacted = self.world.secrets.scrub(escape(detail))
            await self.record(Stopped(cause=cause, stage=self.stage, detail=text, redacted=redacted))

    def enter(self, stage: Stage) -> None:
        self.stage = stage
        self.moved_at = anyio.current_time()
        if self.state.started is not None:
            self.world.observer(self.state.header.episode, stage, None)
