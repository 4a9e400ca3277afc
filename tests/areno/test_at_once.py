"""Two calls of `run_agent` at once, as a trainer that plays ahead makes them: two steps of one run."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from areno.api.models import SamplingParams

from coding_agent.events.schema import EpisodeStarted
from tests.areno.conftest import MakeRecords
from tests.areno.stand import Engine, prompt_batch, quitter, trainer
from tests.areno.test_trouble import cancelled, episodes, reasons


def test_two_calls_at_once_are_two_steps_of_one_run(records: MakeRecords, tmp_path: Path) -> None:
    engine = Engine(quitter)
    made, batch = trainer(engine, n_samples=2), prompt_batch(engine, records())
    params = SamplingParams(max_new_tokens=4096, max_context_len=60000)

    async def both() -> list[Any]:
        return await asyncio.gather(*(made._run_agentic_rollout(params, batch) for _ in range(2)))

    assert [len(rolled.reward_records) for rolled in asyncio.run(both())] == [2, 2]
    steps = [events[0].step for events in episodes(tmp_path) if isinstance(events[0], EpisodeStarted)]
    assert [steps.count(step) for step in (0, 1)] == [2, 2]


def test_one_of_two_calls_that_is_cancelled_takes_no_other_with_it(records: MakeRecords, tmp_path: Path) -> None:
    hangs, ends = Engine(quitter), Engine(quitter)
    hangs.hang_after = 0
    batch = prompt_batch(ends, records(step_seconds=600.0))
    params = SamplingParams(max_new_tokens=4096, max_context_len=60000)

    async def both() -> Any:
        other = trainer(ends, n_samples=2)._run_agentic_rollout(params, batch)
        gathered = await asyncio.gather(other, cancelled(trainer(hangs, n_samples=1), batch, hangs))
        return gathered[0]

    assert len(asyncio.run(both()).reward_records) == 2
    assert sorted(reasons(tmp_path)) == ["blocked", "blocked", "cancelled"]
