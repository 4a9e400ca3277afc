"""Forking: files and conversation as they were at an event, somebody else goes on, and nothing is run to get there."""

from __future__ import annotations

import functools
from pathlib import Path

import anyio
import pytest

from coding_agent.errors import UsageError
from coding_agent.events.codec import semantic
from coding_agent.events.schema import EpisodeStarted, Event
from coding_agent.policies.base import Policy
from coding_agent.projections.conversation import conversation
from coding_agent.replay.fork import fork_jobs
from coding_agent.replay.sealed import replay_log
from coding_agent.rollout.scheduler import Outcome
from coding_agent.store.reader import read_events, read_records, verify
from coding_agent.store.rundir import RunDirectory
from tests.rollout.worlds import FIX, SUBMIT, TASK, job, play_jobs, roll_out, script

LARGE = ("run_command", '{"command": "head -c 100000 /dev/zero > zeros; sed -i s/zero/nil/ double.py"}')
POLICY = script(("run_tests", "{}"), LARGE, ("run_command", '{"command": "sha256sum zeros"}'), FIX, SUBMIT)
AT_LARGE = 7
"""The result of the second call, which named a blob."""


@pytest.fixture(scope="module")
def parent(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("fork") / "run"
    anyio.run(functools.partial(roll_out, folder, [job(POLICY)]))
    return folder / "episodes/toy/0.0.jsonl"


async def fork(parent: Path, folder: Path, at: int, policy: Policy = POLICY, n_samples: int = 1) -> list[Outcome]:
    jobs = fork_jobs(parent, at, task=TASK, build=lambda _: policy, n_samples=n_samples)
    return await play_jobs(RunDirectory.create(folder, {}), jobs)


def body(events: tuple[Event, ...]) -> list[object]:
    return [semantic(event) for event in events[1:]]


async def test_the_parents_own_policy_goes_the_parents_way_from_any_event(
    parent: Path, tmp_path: Path, anyio_backend_name: str
) -> None:
    whole = read_events(parent)
    over = len(whole) - 5
    for at in range(anyio_backend_name == "trio", over, 2):
        (outcome,) = await fork(parent, tmp_path / str(at), at)
        assert body(read_events(outcome.path)) == body(whole), at
        assert replay_log(outcome.path).divergence is None


async def test_a_fork_says_where_it_left(parent: Path, tmp_path: Path) -> None:
    (outcome,) = await fork(parent, tmp_path / "fork", AT_LARGE)
    header = read_events(outcome.path)[0]
    assert isinstance(header, EpisodeStarted)
    assert header.parent is not None
    assert (header.parent.episode, header.parent.seq) == ("toy.0.0", AT_LARGE)
    assert header.parent.chain == list(read_records(parent))[AT_LARGE].chain
    assert header.episode == f"toy.0.0@{AT_LARGE}.0.0"


async def test_another_policy_finds_files_and_conversation_as_they_were(parent: Path, tmp_path: Path) -> None:
    look = ("run_command", '{"command": "wc -c zeros; cat double.py"}')
    other = script(("none", "{}"), ("none", "{}"), look, SUBMIT)
    (outcome,) = await fork(parent, tmp_path / "fork", AT_LARGE, other)
    events, old = read_events(outcome.path), read_events(parent)
    assert conversation(events)[: len(conversation(old[: AT_LARGE + 1]))] == conversation(old[: AT_LARGE + 1])
    assert any("100000 zeros\ndef double(x)" in (message.content or "") for message in conversation(events))


async def test_a_fork_is_complete_in_itself(parent: Path, tmp_path: Path) -> None:
    (outcome,) = await fork(parent, tmp_path / "fork", AT_LARGE)
    names = {path.name for path in (tmp_path / "fork/blobs").iterdir()}
    assert names == {path.name for path in (parent.parents[2] / "blobs").iterdir()}
    assert verify(outcome.path).condition == "sealed"


async def test_samples_differ_by_seed_and_the_first_has_the_parents(parent: Path, tmp_path: Path) -> None:
    outcomes = await fork(parent, tmp_path / "fork", AT_LARGE, n_samples=3)
    headers = [read_events(path)[0] for path in [parent, *(outcome.path for outcome in outcomes)]]
    seeds = [header.seed for header in headers if isinstance(header, EpisodeStarted)]
    assert seeds[0] == seeds[1]
    assert len(set(seeds)) == 3


@pytest.mark.parametrize(("back", "message"), [(1, "or earlier"), (5, "or earlier"), (-5, "has no event")])
def test_an_event_after_which_nobody_can_act_is_refused_with_the_last_that_can_be(
    parent: Path, back: int, message: str
) -> None:
    with pytest.raises(UsageError, match=message):
        fork_jobs(parent, len(read_events(parent)) - back, task=TASK, build=lambda _: POLICY, n_samples=1)
