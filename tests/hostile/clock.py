"""By how much what has a time limit outlives it, measured where the limit is given: at each request to a sandbox."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import attrs

from coding_agent.events.schema import Event
from coding_agent.rollout.world import Stage
from coding_agent.sandbox.base import Probe, Sandbox, SandboxBackend, SandboxSpec

_EPISODE: ContextVar[str] = ContextVar("episode")


@attrs.frozen
class Lateness:
    """The latest request of each episode, in seconds beyond its timeout."""

    latest: dict[str, float] = attrs.field(factory=dict)

    def observe(self, name: str, stage: Stage, event: Event | None) -> None:
        """An observer of a world: says whose requests come next."""
        _EPISODE.set(name.rsplit(".", 2)[0])

    def note(self, took_s: float, timeout_s: float) -> None:
        task = _EPISODE.get()
        self.latest[task] = max(took_s - timeout_s, self.latest.get(task, 0.0))


@attrs.frozen(kw_only=True)
class TimedBackend:
    """A real backend, with a look at the clock before and after commands and test runs."""

    real: SandboxBackend
    lateness: Lateness

    @property
    def kind(self) -> str:
        return self.real.kind

    @property
    def promises(self) -> tuple[str, ...]:
        return self.real.promises

    @property
    def lacks(self) -> tuple[str, ...]:
        return self.real.lacks

    async def probe(self) -> tuple[Probe, ...]:
        return await self.real.probe()

    @asynccontextmanager
    async def open(self, spec: SandboxSpec) -> AsyncIterator[Sandbox]:
        async with self.real.open(spec) as sandbox:
            for name in ("exec", "test"):
                setattr(sandbox, name, self._timed(getattr(sandbox, name)))
            yield sandbox

    def _timed(self, request: Callable[..., Any]) -> Callable[..., Any]:
        async def timed(*args: Any, timeout_s: float, **rest: Any) -> Any:
            began = time.monotonic()
            try:
                return await request(*args, timeout_s=timeout_s, **rest)
            finally:
                self.lateness.note(time.monotonic() - began, timeout_s)

        return timed


def idle_within(seconds: float) -> bool:
    """Wait until the processors are idle for most of half a second; False when they never are."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        idle, total = _processor_time()
        time.sleep(0.5)
        idle_then, total_then = _processor_time()
        if 2 * (idle_then - idle) > total_then - total:
            return True
    return False


def _processor_time() -> tuple[int, int]:
    """Ticks that all processors spent idle, and in all."""
    user, nice, system, idle, waiting, *rest = map(int, Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:])
    return idle + waiting, user + nice + system + idle + waiting + sum(rest[:3])
