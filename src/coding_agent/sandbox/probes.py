"""Trying a backend's promises on this machine, each with a real sandbox, a canary file and a canary variable."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from coding_agent.errors import SandboxError, SandboxUnavailable
from coding_agent.sandbox.attempts import AT_START, ATTEMPTS, SPEC, fairness
from coding_agent.sandbox.base import Probe, SandboxBackend

BROKEN = "do not run what you do not trust here; `coding-agent doctor --json` says what was tried, please report it"


async def probe_all(backend: SandboxBackend, promises: tuple[str, ...]) -> tuple[Probe, ...]:
    """Each promise tried in a sandbox of its own. Never raises for a promise that does not hold."""
    return tuple([await probe_one(backend, promise) for promise in promises])


async def probe_one(backend: SandboxBackend, promise: str) -> Probe:
    """Never raises for a promise that does not hold."""
    try:
        with _canary() as secret:
            async with backend.open(SPEC) as sandbox:
                if promise == "fairness":
                    async with backend.open(SPEC) as other:
                        wrong = await fairness(sandbox, other)
                else:
                    wrong = await ATTEMPTS[promise](sandbox, secret)
    except SandboxUnavailable as error:
        return Probe(promise=promise, holds=False, detail=error.reason, remedy=error.remedy)
    except SandboxError as error:
        return Probe(promise=promise, holds=False, detail=str(error), remedy=BROKEN)
    return Probe(promise=promise, holds=not wrong, detail=wrong, remedy=BROKEN if wrong else "")


async def refuse_broken_promises(backend: SandboxBackend) -> None:
    """Open one sandbox and try what takes no time. Raises SandboxUnavailable with the first promise that is broken."""
    with _canary() as secret:
        async with backend.open(SPEC) as sandbox:
            for promise in AT_START:
                if promise in backend.promises and (wrong := await ATTEMPTS[promise](sandbox, secret)):
                    raise SandboxUnavailable(
                        backend.kind, f"it does not keep its promise of {promise}: {wrong}", BROKEN
                    )


@contextmanager
def _canary() -> Iterator[str]:
    """The name of a file and the value of a variable that no sandbox may see."""
    with tempfile.NamedTemporaryFile(prefix="coding-agent-canary-") as file:
        os.environ["CODING_AGENT_CANARY"] = file.name
        try:
            yield file.name
        finally:
            del os.environ["CODING_AGENT_CANARY"]
