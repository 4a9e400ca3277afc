"""Each option decides what its name says: seen in the log, in what the model was asked for, or in how an episode ends."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from areno.api.models import SamplingParams

from coding_agent.areno.adapter import policy_of
from coding_agent.areno.config import ArenoConfig
from coding_agent.areno.policy import ArenoPolicy
from coding_agent.areno.service import service_for
from coding_agent.events.schema import EpisodeStarted, Stopped
from coding_agent.rollout.scheduler import episode_seed
from coding_agent.rollout.world import World
from tests.areno.conftest import MakeRecords
from tests.areno.stand import EASY, Engine, call, play, prompt_batch, quitter, trainer, turn_of
from tests.areno.test_export import check
from tests.areno.test_trouble import episodes, killer, reasons


def header(tmp_path: Path) -> EpisodeStarted:
    first = episodes(tmp_path)[0][0]
    assert isinstance(first, EpisodeStarted)
    return first


def test_an_episode_begins_with_the_tools_limits_and_seed_of_the_options(records: MakeRecords, tmp_path: Path) -> None:
    engine = Engine(quitter)
    asked = records(toolset="edit", max_turns=7, max_tokens=8000, max_seconds=77.0, seed=5)
    play(trainer(engine, n_samples=1), prompt_batch(engine, asked))
    began = header(tmp_path)
    assert [tool.name for tool in began.tools] == ["read_file", "replace_text", "submit"]
    assert (began.limits.turns, began.limits.tokens, began.limits.seconds) == (7, 8000, 77.0)
    assert began.seed == episode_seed(5, EASY, 0) != episode_seed(0, EASY, 0)


def test_an_episode_ends_when_its_tokens_are_spent(records: MakeRecords, tmp_path: Path) -> None:
    engine = Engine(lambda _: call("list_files", path="."))
    play(trainer(engine, n_samples=1), prompt_batch(engine, records(max_tokens=1)))
    assert (reasons(tmp_path), len(engine.asked)) == (["token_limit"], 1)


def test_an_episode_ends_when_its_own_seconds_are_over(records: MakeRecords, tmp_path: Path) -> None:
    engine = Engine(quitter)
    engine.hang_after = 0
    play(trainer(engine, n_samples=1), prompt_batch(engine, records(max_seconds=0.5)))
    (stop,) = [event for event in episodes(tmp_path)[0] if isinstance(event, Stopped)]
    assert (stop.cause, stop.detail) == ("time_limit", "0.5 s are over")


def test_what_is_not_graded_in_time_is_masked(records: MakeRecords, tmp_path: Path) -> None:
    engine = Engine(quitter)
    engine.hang_after = 0
    made, batch = trainer(engine, n_samples=1), prompt_batch(engine, records(step_seconds=2.0, grading_seconds=0.001))
    play(made, batch)
    stops = [event for event in episodes(tmp_path)[0] if isinstance(event, Stopped)]
    assert [(stop.cause, stop.stage) for stop in stops] == [("time_limit", "policy"), ("infra_error", "grade")]
    assert "not graded before the time of the whole step was over" in stops[1].detail


@pytest.mark.parametrize("retries", [0, 2])
def test_an_episode_that_the_infrastructure_fails_is_begun_again_so_often(
    records: MakeRecords, tmp_path: Path, retries: int
) -> None:
    engine = Engine(killer)
    play(trainer(engine, n_samples=1), prompt_batch(engine, records(retries=retries)))
    assert reasons(tmp_path) == ["infra_error"] * (1 + retries)


@pytest.mark.parametrize(
    ("options", "spare", "expected"),
    [({}, None, 512), ({"max_new_tokens": 17}, None, 17), ({}, 5, 5), ({"max_new_tokens": 3}, 5, 3)],
    ids=str,
)
def test_a_turn_is_asked_for_no_more_than_its_options_allow(
    records: MakeRecords, options: dict[str, Any], spare: int | None, expected: int
) -> None:
    engine = Engine(quitter)
    made = trainer(engine, n_samples=1)
    if spare is not None:
        play(made, prompt_batch(engine, records()))
        options = {**options, "context_tokens": len(engine.asked[0][0]) + spare}
    play(made, prompt_batch(engine, records(max_turns=1, **options)), max_new_tokens=512)
    assert engine.asked[-1][1].max_new_tokens == expected


class Talkative(Engine):
    """Says all that it has to say, whatever it was asked for."""

    async def rollout_token_batch_async(self, prompts: Any, _n: int, params: Any, **options: Any) -> Any:
        return await super().rollout_token_batch_async(
            prompts, _n, params.model_copy(update={"max_new_tokens": 9999}), **options
        )


def test_a_turn_that_came_out_longer_than_the_context_is_left_out_and_counted(
    records: MakeRecords, tmp_path: Path, capfd: Any
) -> None:
    engine = Talkative(lambda prompt: call("list_files", path=".") if turn_of(prompt) == 1 else "word " * 900)
    made, batch = trainer(engine, n_samples=1), prompt_batch(engine, records(context_tokens=9000, max_turns=2))
    _, sequences = play(made, batch)
    assert [sequence.prompt_len for sequence in sequences] == [len(engine.asked[0][0])]
    assert "overlong_turns=1" in capfd.readouterr().err
    check(tmp_path, sequences)


def test_a_request_waits_as_long_as_the_options_say() -> None:
    async def asked_by() -> ArenoPolicy:
        async with Engine(quitter).rollout_session(sampling_params=SamplingParams(max_new_tokens=1)) as session:
            return policy_of(session, ArenoConfig(request_seconds=7.0, history="messages"))

    policy = asyncio.run(asked_by())
    assert (policy.chat.timeout_s, policy.chat.backoff.attempts, policy.history) == (7.0, 3, "messages")


def test_places_and_durability_are_those_of_the_options(records: MakeRecords) -> None:
    (asked,) = records(concurrency=3, graders=2, durability="event")
    service = service_for(ArenoConfig.from_json(asked["coding_agent"]["config"]))

    async def world() -> World:
        return service._world(slots=7)

    made = asyncio.run(world())
    lanes = (made.lanes.models, made.lanes.sandboxes, made.lanes.graders)
    assert ([lane.total_tokens for lane in lanes], made.durability) == ([7, 3, 2], "event")


def test_without_a_word_there_are_as_many_sandboxes_as_areno_runs_prompts(records: MakeRecords) -> None:
    service = service_for(ArenoConfig.from_json(records()[0]["coding_agent"]["config"]))

    async def world() -> World:
        return service._world(slots=7)

    assert asyncio.run(world()).lanes.sandboxes.total_tokens == 7
