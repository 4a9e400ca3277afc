"""Going on with runs: after a kill at any event boundary, the episode ends as if nothing had happened."""

from __future__ import annotations

import functools
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import attrs
import pytest

from coding_agent.errors import UsageError
from coding_agent.events.codec import semantic
from coding_agent.events.schema import EpisodeStarted, Event, Resumed, ToolCall
from coding_agent.projections.conversation import conversation
from coding_agent.projections.patch import patch
from coding_agent.projections.reward import reward
from coding_agent.replay.golden import projections
from coding_agent.replay.sealed import replay_log
from coding_agent.rollout.begin import spent_s
from coding_agent.rollout.resume import Plan, plan
from coding_agent.rollout.scheduler import Job, Outcome
from coding_agent.rollout.world import Stage
from coding_agent.store.index import recover_run
from coding_agent.store.reader import read_decoded, read_events, read_records, verify
from coding_agent.store.rundir import RunDirectory
from tests.replay.rewriting import forge
from tests.rollout.worlds import FIX, SUBMIT, Dying, job, play_jobs, roll_out, script
from tests.samples import no_blob, write_log
from tests.stories import Overlong

BREAK = ("write_file", '{"path": "notes.txt", "content": "# first"}')
TEST = ("run_tests", "{}")
COMMAND = ("run_command", '{"command": "cat notes.txt >> double.py; cp double.py copy.py; rm notes.txt"}')
POLICY = script(TEST, BREAK, COMMAND, ("run_command", '{"command": "ls; exit 3"}'), FIX, TEST, SUBMIT)
"""Each kind of change, made by every kind of tool, before the end."""


def seen(events: tuple[Event, ...]) -> object:
    """Everything that a projection says of an episode, without what a resumption may differ in."""
    same = [semantic(event) for event in events if not isinstance(event, EpisodeStarted | Resumed)]
    return same, patch(events, no_blob), reward(events, no_blob), conversation(events)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("resume") / "run"
    anyio.run(functools.partial(roll_out, folder, [job(POLICY)]))
    return folder


def cut(source: Path, folder: Path, events: int) -> Path:
    """The run as a kill after so many events leaves it."""
    shutil.copytree(source, folder)
    log = folder / "episodes/toy/0.0.jsonl"
    log.write_bytes(b"".join(log.read_bytes().splitlines(keepends=True)[:events]))
    (folder / "manifest.jsonl").write_bytes(b"")
    return log


async def cancel_at_third_call(folder: Path) -> None:
    calls = 0

    def observe(_episode: str, _stage: Stage, event: Event | None) -> None:
        nonlocal calls
        calls += isinstance(event, ToolCall)
        if calls == 3:
            scope.cancel()

    with anyio.CancelScope() as scope:
        await roll_out(folder, [job(POLICY)], observer=observe)


async def kill_sandbox_at_first_test(folder: Path) -> None:
    await roll_out(folder, [job(POLICY)], backend=Dying())


STOPS = {"cancelled": cancel_at_third_call, "infra_error": kill_sandbox_at_first_test}


async def resume(folder: Path, jobs: list[Job], *, kind: str = "local") -> tuple[Plan, list[Outcome]]:
    run = RunDirectory.open(folder)
    left = plan(run, jobs)
    return left, await play_jobs(run, list(left.jobs), kind=kind)


async def test_killed_at_any_event_boundary_it_ends_as_if_undisturbed(
    undisturbed: Path, tmp_path: Path, anyio_backend_name: str
) -> None:
    whole = read_events(undisturbed / "episodes/toy/0.0.jsonl")
    for kept in range(anyio_backend_name == "trio", len(whole), 2):
        log = cut(undisturbed, tmp_path / str(kept), kept)
        _, (outcome,) = await resume(tmp_path / str(kept), [job(POLICY)])
        events = read_events(log)
        assert (outcome.path, outcome.passed) == (log, True)
        assert seen(events) == seen(whole), kept
        assert replay_log(log).divergence is None
        assert sum(isinstance(event, Resumed) for event in events) == (kept > 0)


def test_a_resumption_is_in_the_semantic_digest_and_in_no_projection_but_the_transcript(
    undisturbed: Path, tmp_path: Path
) -> None:
    log = undisturbed / "episodes/toy/0.0.jsonl"
    events = read_events(log)
    resumed = [*events[:4], Resumed(at_seq=4, harness="another"), *events[4:]]
    again = write_log(tmp_path / "resumed.jsonl", resumed)
    assert verify(again).semantic_digest != verify(log).semantic_digest
    then, now = projections(events, no_blob), projections(resumed, no_blob)
    assert [name for name in then if then[name] != now[name]] == ["transcript"]


async def test_it_goes_on_in_a_real_sandbox_too(undisturbed: Path, tmp_path: Path) -> None:
    log = cut(undisturbed, tmp_path / "run", 12)
    await resume(tmp_path / "run", [job(POLICY)], kind="bubblewrap")
    assert seen(read_events(log)) == seen(read_events(undisturbed / "episodes/toy/0.0.jsonl"))


async def test_a_kill_in_the_middle_of_a_line_loses_that_line_only(undisturbed: Path, tmp_path: Path) -> None:
    log = cut(undisturbed, tmp_path / "run", 12)
    log.write_bytes(log.read_bytes()[:-7])
    left, _ = await resume(tmp_path / "run", [job(POLICY)])
    assert left.recovered[0].report.events == 11
    assert log.with_name(log.name + ".torn").exists()
    assert seen(read_events(log)) == seen(read_events(undisturbed / "episodes/toy/0.0.jsonl"))


async def test_finished_episodes_are_kept_and_missing_ones_begin(undisturbed: Path, tmp_path: Path) -> None:
    shutil.copytree(undisturbed, tmp_path / "run")
    left, outcomes = await resume(tmp_path / "run", [job(POLICY), job(POLICY, sample=1)])
    assert [path.name for path in left.kept] == ["0.0.jsonl"]
    assert [(outcome.sample, outcome.passed) for outcome in outcomes] == [(1, True)]


@pytest.mark.parametrize("cause", STOPS)
async def test_what_was_stopped_from_outside_branches_into_a_new_attempt(tmp_path: Path, cause: str) -> None:
    await STOPS[cause](tmp_path / "run")
    stopped = tmp_path / "run/episodes/toy/0.0.jsonl"
    before = stopped.read_bytes()
    _, (outcome,) = await resume(tmp_path / "run", [job(POLICY)])
    events = read_events(outcome.path)
    header = events[0]
    assert isinstance(header, EpisodeStarted)
    assert header.parent is not None
    assert (outcome.attempt, outcome.passed, header.parent.episode) == (1, True, "toy.0.0")
    assert stopped.read_bytes() == before
    assert replay_log(outcome.path).divergence is None
    assert header.parent.chain == list(read_records(stopped))[header.parent.seq].chain


async def test_cancelled_while_it_is_graded_after_a_limit_it_is_graded_by_its_next_attempt(tmp_path: Path) -> None:
    overlong = job(Overlong())

    def observe(_episode: str, stage: Stage, _event: Event | None) -> None:
        if stage == "grade":
            scope.cancel()

    with anyio.CancelScope() as scope:
        await roll_out(tmp_path / "run", [overlong], observer=observe)
    left, (outcome,) = await resume(tmp_path / "run", [overlong])
    assert not left.kept
    assert (outcome.attempt, outcome.reason, outcome.passed) == (1, "context_limit", True)


async def test_killed_between_the_stop_and_its_end_it_is_sealed_and_then_branches(tmp_path: Path) -> None:
    await cancel_at_third_call(tmp_path / "run")
    (tmp_path / "run/manifest.jsonl").write_bytes(b"")
    stopped = tmp_path / "run/episodes/toy/0.0.jsonl"
    stopped.write_bytes(b"".join(stopped.read_bytes().splitlines(keepends=True)[:-1]))
    _, (outcome,) = await resume(tmp_path / "run", [job(POLICY)])
    assert (outcome.attempt, outcome.passed) == (1, True)
    assert verify(stopped).condition == "sealed"
    assert [report.condition for report in RunDirectory(tmp_path / "run").verify()] == ["sealed"] * 2


async def test_damage_is_refused_by_name_and_the_others_go_on(undisturbed: Path, tmp_path: Path) -> None:
    log = cut(undisturbed, tmp_path / "run", 12)
    log.write_bytes(log.read_bytes().replace(b"toy", b"tOy", 1))
    left, outcomes = await resume(tmp_path / "run", [job(POLICY), job(POLICY, sample=1)])
    assert [report.file for report in left.refused] == [str(log)]
    assert [outcome.sample for outcome in outcomes] == [1]


@pytest.mark.parametrize(("target", "condition"), [("0.0.jsonl", "unreadable"), ("nowhere", "missing")])
def test_a_log_that_is_a_link_to_nothing_is_refused_as_verify_says_it(
    undisturbed: Path, tmp_path: Path, target: str, condition: str
) -> None:
    log = cut(undisturbed, tmp_path / "run", 0)
    log.unlink()
    log.symlink_to(target)
    run = RunDirectory.open(tmp_path / "run")
    left = plan(run, [job(POLICY)])
    assert (left.jobs, [each.condition for each in left.refused]) == ((), [condition])
    assert [each.condition for each in run.verify()] == [condition]


def nested(levels: int) -> dict[str, Any]:
    return {"a": nested(levels - 1)} if levels else {}


FORGED: dict[str, tuple[str, Callable[[list[dict[str, Any]]], object]]] = {
    "an unknown event": ("incompatible", lambda lines: lines[5].update(type="dream")),
    "a list": ("damaged", lambda lines: lines[5].update(data=[1, 2])),
    "a missing field": ("damaged", lambda lines: lines[5].update(data={})),
    "data too deep": ("damaged", lambda lines: lines[5]["data"].update(more=nested(200))),
    "no beginning": ("damaged", lambda lines: lines.pop(0)),
    "two beginnings": ("damaged", lambda lines: lines.insert(1, lines[0])),
    "no time": ("damaged", lambda lines: lines[3].update(at="garbage")),
    "a time of nowhere": ("damaged", lambda lines: lines[3].update(at="2026-01-01T00:00:00")),
}


@pytest.mark.parametrize("what", FORGED)
async def test_what_can_not_be_decoded_is_refused_by_name_and_the_others_go_on(
    undisturbed: Path, tmp_path: Path, what: str
) -> None:
    log = cut(undisturbed, tmp_path / "run", 12)
    condition, change = FORGED[what]
    forge(log, change)
    assert not recover_run(RunDirectory(tmp_path / "run")).added
    left = plan(RunDirectory(tmp_path / "run"), [job(POLICY), job(POLICY, sample=1)])
    assert [(each.file, each.condition) for each in left.refused] == [(str(log), condition)]
    assert str(log) in (left.refused[0].problem or "")
    assert [each.sample for each in left.jobs] == [1]


ENDS: dict[str, Callable[[list[dict[str, Any]]], object]] = {
    "a reason that is none": lambda lines: lines[-1]["data"].update(reason="bored"),
    "a reason that is a number": lambda lines: lines[-1]["data"].update(reason=5),
    "no beginning": lambda lines: lines.pop(0),
}


@pytest.mark.parametrize("what", ENDS)
async def test_a_sealed_log_that_can_not_be_summed_up_is_refused_by_name(
    undisturbed: Path, tmp_path: Path, what: str
) -> None:
    log = forge(cut(undisturbed, tmp_path / "run", 100), ENDS[what])
    run = RunDirectory(tmp_path / "run")
    assert [(each.file, each.condition) for each in recover_run(run).refused] == [(str(log), "damaged")]
    left = plan(run, [job(POLICY), job(POLICY, sample=1)])
    assert [(each.file, each.condition) for each in left.refused] == [(str(log), "damaged")]
    assert [each.sample for each in left.jobs] == [1]


async def test_a_cancelled_log_without_what_stopped_it_is_refused(undisturbed: Path, tmp_path: Path) -> None:
    log = forge(cut(undisturbed, tmp_path / "run", 100), lambda lines: lines[-1]["data"].update(reason="cancelled"))
    left = plan(RunDirectory(tmp_path / "run"), [job(POLICY)])
    assert [(each.file, "what stopped it" in (each.problem or "")) for each in left.refused] == [(str(log), True)]


async def test_what_a_later_release_put_before_the_end_is_kept(undisturbed: Path, tmp_path: Path) -> None:
    log = forge(cut(undisturbed, tmp_path / "run", 100), lambda lines: lines[5].update(type="dream"))
    run = RunDirectory(tmp_path / "run")
    assert recover_run(run).added == ("episodes/toy/0.0.jsonl",)
    assert plan(run, [job(POLICY)]).kept == (log,)


@pytest.mark.parametrize("left", [-200, 12])
async def test_a_sealed_log_that_lost_its_end_is_refused(undisturbed: Path, tmp_path: Path, left: int) -> None:
    log = cut(undisturbed, tmp_path / "run", 12)
    lines = (undisturbed / "episodes/toy/0.0.jsonl").read_bytes().splitlines(keepends=True)
    log.write_bytes(b"".join(lines[:left]) if left > 0 else b"".join(lines)[:left])
    (tmp_path / "run/manifest.jsonl").write_bytes((undisturbed / "manifest.jsonl").read_bytes())
    remaining, outcomes = await resume(tmp_path / "run", [job(POLICY)])
    assert [(report.file, report.condition) for report in remaining.refused] == [(str(log), "damaged")]
    assert not outcomes


async def test_another_task_policy_or_seed_is_not_gone_on_with(undisturbed: Path, tmp_path: Path) -> None:
    cut(undisturbed, tmp_path / "run", 12)
    run = RunDirectory.open(tmp_path / "run")
    for other in (attrs.evolve(job(POLICY), seed=1), job(attrs.evolve(POLICY, spec="scripted:other"))):
        with pytest.raises(UsageError, match="resume with what the run began with"):
            plan(run, [other])


async def test_the_time_in_between_does_not_count(undisturbed: Path, tmp_path: Path) -> None:
    log = cut(undisturbed, tmp_path / "run", 12)
    first = spent_s(read_decoded(log))
    text = log.read_text()
    day = text[text.index('"at":"') + 6 :][:10]
    assert day in text
    await resume(tmp_path / "run", [job(POLICY)])
    assert first <= spent_s(read_decoded(log)) < 60
    assert verify(log).condition == "sealed"
