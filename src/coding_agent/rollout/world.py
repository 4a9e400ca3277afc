"""What an episode needs from outside: a sandbox backend, places in line, somebody who watches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import anyio
import attrs

from coding_agent.events.redact import Secrets
from coding_agent.events.schema import Event
from coding_agent.rollout.secrets import own_secrets
from coding_agent.sandbox.base import SandboxBackend, SandboxSpec
from coding_agent.store.rundir import RunDirectory
from coding_agent.store.writer import Durability

Stage = Literal["set-up", "policy", "tool", "grade", "done"]
Observer = Callable[[str, Stage, Event | None], None]
"""Called with (episode id, stage, event just acknowledged or None at a change of stage)."""


@attrs.frozen(kw_only=True)
class Lanes:
    """Capacity of each stage. Bound to the event loop that they were made in."""

    models: anyio.CapacityLimiter
    sandboxes: anyio.CapacityLimiter
    graders: anyio.CapacityLimiter

    @classmethod
    def of(cls, *, models: int, sandboxes: int, graders: int) -> Lanes:
        limiter = anyio.CapacityLimiter
        return cls(models=limiter(models), sandboxes=limiter(sandboxes), graders=limiter(graders))


def ignore(_episode: str, _stage: Stage, _event: Event | None) -> None:
    """Nobody watches."""


@attrs.frozen(kw_only=True)
class World:
    """Everything live that an episode may touch."""

    backend: SandboxBackend
    spec: SandboxSpec
    run: RunDirectory
    lanes: Lanes
    durability: Durability = "group"
    observer: Observer = ignore
    secrets: Secrets = attrs.field(factory=own_secrets)
    """Taken out of whatever policies and sandboxes say; by default what the environment of this process holds."""
    set_up_s: float = 120.0
    """Wall-clock seconds to open a sandbox and fill its workspace."""
    ends_at: float | None = None
    """The time of the event loop's clock at which whatever still runs is stopped with `time_limit`, and graded."""
    grades_until: float | None = None
    """The time at which a grading that still runs, or is still in line, is a failure of the infrastructure."""

    def is_over(self) -> bool:
        """Nothing new is begun: the time that all episodes have together is over."""
        return self.ends_at is not None and anyio.current_time() >= self.ends_at

    def deadline(self, own: float) -> float:
        """The earlier of an episode's own end and that of all of them."""
        return own if self.ends_at is None else min(own, self.ends_at)
