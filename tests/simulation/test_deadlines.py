"""Deadlines, retries and the watchdog, exactly: on a virtual clock there is nothing to be tolerant of."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest
import trio

from coding_agent.events.schema import Done, Event, ModelTurn, Stopped
from coding_agent.events.values import Limits
from coding_agent.policies.base import Policy
from coding_agent.policies.retry import Backoff
from coding_agent.policies.simulated import SimulatedModel
from coding_agent.rollout.workspace import base_tree, tree_digest
from coding_agent.rollout.world import Stage
from coding_agent.sandbox.simulated import Happening, SimulatedBackend
from coding_agent.store.reader import read_events, verify
from tests.rollout.worlds import script
from tests.simulation.worlds import Places, Ran, jobs, roll_out, task

COMMAND = ("run_command", '{"command": "sleep 5000"}')
SUBMIT = ("submit", '{"status": "solved", "summary": "done"}')
DAY = Limits(turns=9, seconds=900.0, command_s=86400.0, test_s=20.0)
BASE = tree_digest(base_tree(task(0).files))
AT_ONCE = attrs.evolve(SimulatedModel(), latency_s=0.0, busy=0.0)


@attrs.frozen(kw_only=True)
class At:
    """Everything at once, but for one happening: at one opening, or at one request to one visit of the agent's base."""

    opening_: int | None = None
    request_: int | None = None
    visit: int = 0
    happening: Happening

    def opening(self, number: int) -> Happening:
        return self.happening if number == self.opening_ else Happening()

    def request(self, place: str, visit: int, number: int) -> Happening:
        here = (place, visit, number) == (BASE, self.visit, self.request_)
        return self.happening if here else Happening()

    def closing_s(self, _number: int) -> float:
        return 0.0


HANGS, DIES = Happening(then="hangs"), Happening(then="dies")


class Watch:
    """When each event of a run was acknowledged."""

    def __init__(self) -> None:
        self.seen: list[tuple[float, Event]] = []

    def __call__(self, _episode: str, _stage: Stage, event: Event | None) -> None:
        if event is not None:
            self.seen.append((trio.current_time() - self.seen[0][0] if self.seen else trio.current_time(), event))

    @property
    def stops(self) -> list[tuple[float, str, str]]:
        return [(at, event.cause, event.stage) for at, event in self.seen if isinstance(event, Stopped)]


def play(
    folder: Path, policy: Policy, faults: At | None = None, *, limits: Limits = DAY, retries: int = 0
) -> tuple[Watch, Ran]:
    """One episode."""
    watch = Watch()
    backend = SimulatedBackend(faults=faults) if faults else SimulatedBackend()
    ran = roll_out(folder, jobs(1, policy, limits=limits), backend, retries=retries, observer=watch)
    assert all(verify(log).condition == "sealed" for log in ran.run.logs())
    assert (ran.held, backend.live) == (0, 0)
    return watch, ran


def test_a_command_that_never_ends_is_cut_at_the_time_limit(tmp_path: Path) -> None:
    watch, ran = play(tmp_path / "run", script(COMMAND))
    assert watch.stops == [(900.0, "time_limit", "tool")]
    assert (ran.outcomes[0].reason, ran.outcomes[0].passed) == ("time_limit", False)


def test_a_sandbox_that_hangs_is_cut_at_the_time_limit(tmp_path: Path) -> None:
    watch, _ = play(tmp_path / "run", script(COMMAND), At(request_=1, happening=HANGS))
    assert watch.stops == [(900.0, "time_limit", "tool")]


def test_a_model_that_hangs_is_cut_at_the_time_limit(tmp_path: Path) -> None:
    watch, _ = play(tmp_path / "run", attrs.evolve(AT_ONCE, hangs=1.0))
    assert watch.stops == [(900.0, "time_limit", "policy")]


def test_a_command_has_its_own_limit_and_the_episode_goes_on(tmp_path: Path) -> None:
    watch, ran = play(tmp_path / "run", script(COMMAND, SUBMIT), limits=attrs.evolve(DAY, command_s=60.0))
    turns = [at for at, event in watch.seen if isinstance(event, ModelTurn)]
    assert turns == [0.0, 60.0]
    assert ran.outcomes[0].reason == "submitted"


@pytest.mark.parametrize(("operation", "call", "after_s"), [
    ("read", ("read_file", '{"path": "double.py"}'), 60.0), ("list", ("list_files", "{}"), 60.0),
    ("exec", ("run_command", '{"command": "true", "timeout_s": 5}'), 35.0), ("test", ("run_tests", "{}"), 50.0),
    ("search", ("search", '{"pattern": "x"}'), 40.0),
])  # fmt: skip
def test_a_request_without_an_answer_is_the_sandboxs_failure(
    tmp_path: Path, operation: str, call: tuple[str, str], after_s: float
) -> None:
    watch, ran = play(tmp_path / "run", script(call), At(request_=1, happening=HANGS))
    assert watch.stops == [(after_s, "infra_error", "tool")]
    stop = read_events(ran.outcomes[0].path)[-2]
    assert isinstance(stop, Stopped)
    assert stop.detail == f"SandboxDied: {operation} had no answer within {after_s:g} s"


@pytest.mark.parametrize("faults", [At(opening_=0, happening=HANGS), At(request_=0, happening=HANGS)])
def test_set_up_has_its_own_limit_and_is_tried_again(tmp_path: Path, faults: At) -> None:
    watch, ran = play(tmp_path / "run", script(SUBMIT), faults, retries=1)
    assert watch.stops == [(120.0, "infra_error", "set-up")]
    assert (ran.outcomes[0].reason, ran.outcomes[0].attempt) == ("submitted", 1)


def test_slow_set_up_is_a_part_of_the_episodes_time(tmp_path: Path) -> None:
    slow = At(opening_=0, happening=Happening(delay_s=100.0))
    watch, _ = play(tmp_path / "run", script(COMMAND), slow)
    assert watch.stops == [(900.0, "time_limit", "tool")]


@pytest.mark.parametrize("faults", [At(opening_=1, happening=HANGS), At(request_=1, visit=1, happening=HANGS)])
def test_grading_has_a_limit_of_its_own(tmp_path: Path, faults: At) -> None:
    bare = attrs.evolve(jobs(1, script(SUBMIT), limits=DAY)[0].task, hidden={})
    watch = Watch()
    todo = attrs.evolve(jobs(1, script(SUBMIT), limits=attrs.evolve(DAY, test_s=200.0))[0], task=bare)
    ran = roll_out(tmp_path / "run", [todo], SimulatedBackend(faults=faults), observer=watch)
    after_s = 230.0 if faults.opening_ is None else 320.0
    assert watch.stops == [(after_s, "infra_error", "grade")]
    assert ran.outcomes[0].passed is None


@pytest.mark.parametrize("faults", [At(opening_=1, happening=HANGS), At(request_=1, visit=1, happening=HANGS)])
def test_grading_that_hangs_ends_with_the_step_and_is_masked(tmp_path: Path, faults: At) -> None:
    bare = attrs.evolve(jobs(1, script(SUBMIT))[0].task, hidden={})
    todo = attrs.evolve(jobs(1, script(SUBMIT), limits=attrs.evolve(DAY, test_s=9000.0))[0], task=bare)
    watch = Watch()
    backend = SimulatedBackend(faults=faults)
    ran = roll_out(
        tmp_path / "run", [todo], backend, retries=1, observer=watch, ends_at=100.0, grades_until=160.0
    )  # fmt: skip
    assert [(cause, stage) for _, cause, stage in watch.stops] == [("infra_error", "grade")]
    assert (ran.outcomes[0].reason, ran.outcomes[0].passed, ran.outcomes[0].attempt) == ("infra_error", None, 0)
    assert 160.0 <= ran.ended_at < 161.0


def test_gradings_that_stand_in_line_end_with_the_step_too(tmp_path: Path) -> None:
    faults = At(opening_=3, happening=Happening(delay_s=50.0))
    todo = jobs(3, script(SUBMIT), limits=DAY)
    ran = roll_out(
        tmp_path / "run", todo, SimulatedBackend(faults=faults), places=Places(episodes=3, graders=1),
        ends_at=10.0, grades_until=30.0,
    )  # fmt: skip
    assert [outcome.reason for outcome in ran.outcomes] == ["infra_error"] * 3
    assert ran.ended_at < 31.0
    assert (ran.held, [verify(log).condition for log in ran.run.logs()]) == (0, ["sealed"] * 3)


def test_a_straggler_that_the_step_stops_is_graded_in_the_time_after_it(tmp_path: Path) -> None:
    watch = Watch()
    todo = jobs(1, script(COMMAND), limits=DAY)
    ran = roll_out(tmp_path / "run", todo, SimulatedBackend(), observer=watch, ends_at=100.0, grades_until=160.0)
    assert (ran.outcomes[0].reason, ran.outcomes[0].passed) == ("time_limit", False)


def test_a_set_up_that_hangs_ends_with_the_step(tmp_path: Path) -> None:
    faults = At(opening_=0, happening=HANGS)
    todo = jobs(1, script(SUBMIT), limits=DAY)
    ran = roll_out(tmp_path / "run", todo, SimulatedBackend(faults=faults), retries=1, ends_at=60.0, grades_until=90.0)
    assert ran.outcomes[0].detail == "SandboxError: set-up did not end before the time of the whole step was over"
    assert (ran.outcomes[0].attempt, ran.ended_at < 61.0) == (0, True)


def test_waiting_in_line_is_not_the_episodes_time(tmp_path: Path) -> None:
    todo = jobs(3, script(("run_command", '{"command": "sleep 600"}'), SUBMIT), limits=DAY)
    ran = roll_out(tmp_path / "run", todo, SimulatedBackend(), places=Places(episodes=3, sandboxes=1))
    assert [outcome.reason for outcome in ran.outcomes] == ["submitted"] * 3
    assert 1800.0 <= ran.ended_at < 1801.0


@pytest.mark.parametrize("retries", [0, 1, 3])
def test_a_failure_is_tried_again_so_often_and_each_attempt_is_a_log(tmp_path: Path, retries: int) -> None:
    @attrs.frozen
    class Always(At):
        def request(self, _place: str, _visit: int, number: int) -> Happening:
            return DIES if number else Happening()

    _, ran = play(tmp_path / "run", script(COMMAND), Always(happening=DIES), retries=retries)
    assert (ran.outcomes[0].reason, ran.outcomes[0].attempt, ran.outcomes[0].passed) == ("infra_error", retries, None)
    assert [log.name for log in ran.run.logs()] == [f"0.{attempt}.jsonl" for attempt in range(retries + 1)]


def test_a_busy_model_is_asked_again_and_how_often_is_written_down(tmp_path: Path) -> None:
    _, ran = play(tmp_path / "run", attrs.evolve(AT_ONCE, busy=0.5, submits=0.0))
    turns = [event for event in read_events(ran.outcomes[0].path) if isinstance(event, ModelTurn)]
    assert sum(turn.retries for turn in turns) > 0
    _, calm = play(tmp_path / "calm", attrs.evolve(AT_ONCE, submits=0.0))
    assert ran.outcomes[0].semantic_digest == calm.outcomes[0].semantic_digest


def test_a_model_that_is_always_busy_is_given_up(tmp_path: Path) -> None:
    busy = attrs.evolve(AT_ONCE, busy=1.0, backoff=Backoff(attempts=3, first_s=8.0))
    watch, ran = play(tmp_path / "run", busy)
    ((at, cause, stage),) = watch.stops
    assert (cause, stage, ran.outcomes[0].passed) == ("infra_error", "policy", None)
    assert 24.0 <= at < 48.0


def test_one_failing_episode_never_takes_a_sibling(tmp_path: Path) -> None:
    todo = [*jobs(2, script(SUBMIT), limits=DAY), *jobs(3, attrs.evolve(AT_ONCE, fails=1.0), limits=DAY)[2:]]
    faults = At(opening_=0, happening=DIES)
    ran = roll_out(tmp_path / "run", todo, SimulatedBackend(faults=faults), places=Places(episodes=3))
    assert sorted(outcome.reason for outcome in ran.outcomes) == ["infra_error", "policy_error", "submitted"]


def test_the_watchdog_names_the_episode_and_the_stage_that_blocks(tmp_path: Path) -> None:
    _, ran = play(tmp_path / "run", script(COMMAND))
    blocked = [entry for entry in ran.logged if entry["event"] == "blocked"]
    assert [entry["seconds"] for entry in blocked if entry["seconds"] < 900] == list(range(150, 900, 30))
    assert {(entry["task"], entry["stage"]) for entry in blocked} == {("sim-0", "tool")}


def test_a_cancelled_run_does_not_wait_for_what_hangs(tmp_path: Path) -> None:
    todo = jobs(3, script(COMMAND), limits=DAY)
    ran = roll_out(tmp_path / "run", todo, SimulatedBackend(), places=Places(episodes=3), cancel_after_s=300.0)
    assert ran.cancelled_at == 300.0
    assert 300.0 <= ran.ended_at < 300.1
    lasts = [read_events(log)[-1] for log in ran.run.logs()]
    assert [last.reason for last in lasts if isinstance(last, Done)] == ["cancelled"] * 3
