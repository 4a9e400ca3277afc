"""A backend that promises too much is refused at start-up, by the promise that it breaks."""

from __future__ import annotations

import attrs
import pytest

from coding_agent.errors import SandboxUnavailable
from coding_agent.sandbox.attempts import AT_START, ATTEMPTS
from coding_agent.sandbox.bubblewrap import BubblewrapBackend
from coding_agent.sandbox.local import LocalBackend
from coding_agent.sandbox.probes import refuse_broken_promises

pytestmark = pytest.mark.usefixtures("anyio_backend")


@pytest.mark.parametrize("promise", ["filesystem", "processes", "privileges", "syscalls"])
async def test_a_broken_promise_is_named_with_what_was_found_and_what_to_do(promise: str) -> None:
    boastful = attrs.evolve(LocalBackend(), promises=(promise,))
    with pytest.raises(SandboxUnavailable, match=f"does not keep its promise of {promise}: found") as refused:
        await refuse_broken_promises(boastful)
    assert "do not run what you do not trust" in refused.value.remedy


async def test_a_backend_that_keeps_its_promises_may_start() -> None:
    await refuse_broken_promises(BubblewrapBackend())
    await refuse_broken_promises(LocalBackend())


def test_every_promise_can_be_tried() -> None:
    assert set(BubblewrapBackend().promises) == set(ATTEMPTS) | {"fairness"}
    assert set(AT_START) <= set(ATTEMPTS)
