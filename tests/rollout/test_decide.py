from __future__ import annotations

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coding_agent.events.schema import Done, Event, ModelTurn, Notice, Stopped, TestRun, ToolCall, ToolResult
from coding_agent.events.values import Limits, ModelToolCall
from coding_agent.projections.conversation import conversation
from coding_agent.rollout.decide import Append, AskPolicy, Finish, Grade, RunTool, decide
from coding_agent.rollout.state import evolve, fold
from tests.samples import GRADE, START, SUBMIT, WRITE, toy_episode, turn

CALL = ToolCall(call="1.0", tool="write_file", arguments={"path": "a.py", "content": "b\n"})
RESULT = ToolResult(call="1.0", outcome="ok", text="done")


def started(**limits: int) -> list[Event]:
    return [attrs.evolve(START, limits=Limits(**limits))]


def test_first_the_policy_is_asked() -> None:
    step = decide(fold([START]))
    assert isinstance(step, AskPolicy)
    assert step.turn == 1


def test_a_call_is_written_down_before_it_runs() -> None:
    assert decide(fold([START, turn(1, WRITE)])) == Append(CALL)


def test_a_call_that_is_written_down_is_run() -> None:
    assert decide(fold([START, turn(1, WRITE), CALL])) == RunTool(CALL, WRITE)


def test_further_calls_are_answered_by_a_notice() -> None:
    step = decide(fold([START, turn(1, WRITE, SUBMIT), CALL, RESULT]))
    assert isinstance(step, Append)
    assert isinstance(step.event, Notice)
    assert (step.event.kind, step.event.call) == ("not_executed", "1.1")


def test_a_submit_that_was_not_executed_submits_nothing() -> None:
    notice = decide(fold([START, turn(1, WRITE, SUBMIT), CALL, RESULT]))
    assert isinstance(notice, Append)
    step = decide(fold([START, turn(1, WRITE, SUBMIT), CALL, RESULT, notice.event]))
    assert isinstance(step, AskPolicy)


def test_silence_is_answered_by_one_reminder() -> None:
    events: list[Event] = [START, turn(1)]
    reminder = decide(fold(events))
    assert isinstance(reminder, Append)
    assert isinstance(reminder.event, Notice)
    assert isinstance(decide(fold([*events, reminder.event])), AskPolicy)


def test_too_much_silence_ends_the_episode() -> None:
    reminder = Notice(kind="reminder", text="x")
    events: list[Event] = [*started(no_call_turns=2), turn(1), reminder, turn(2)]
    assert isinstance(decide(fold(events)), Grade)
    step = decide(fold([*events, GRADE]))
    assert isinstance(step, Append)
    assert isinstance(step.event, Done)
    assert step.event.reason == "no_tool_call"


def test_the_last_turns_call_still_runs() -> None:
    events: list[Event] = [*started(turns=1), turn(1, WRITE)]
    assert decide(fold(events)) == Append(CALL)
    assert isinstance(decide(fold([*events, CALL, RESULT])), Grade)


@pytest.mark.parametrize(("limits", "reason"), [({"turns": 1}, "turn_limit"), ({"tokens": 12}, "token_limit")])
def test_a_limit_ends_the_episode_by_name(limits: dict[str, int], reason: str) -> None:
    step = decide(fold([*started(**limits), turn(1, WRITE), CALL, RESULT, GRADE]))
    assert isinstance(step, Append)
    assert isinstance(step.event, Done)
    assert step.event.reason == reason


@pytest.mark.parametrize("cause", ["cancelled", "infra_error", "policy_error"])
def test_what_nobody_may_learn_from_is_not_graded(cause: str) -> None:
    step = decide(fold([START, Stopped(cause=cause, stage="tool")]))  # type: ignore[arg-type]
    assert isinstance(step, Append)
    assert isinstance(step.event, Done)
    assert step.event.reason == cause


def test_running_out_of_time_is_graded() -> None:
    assert isinstance(decide(fold([START, Stopped(cause="time_limit", stage="policy")])), Grade)


@pytest.mark.parametrize("cause", ["cancelled", "infra_error"])
def test_what_kept_it_from_being_graded_outweighs_the_reason_before_it(cause: str) -> None:
    stops: list[Event] = [Stopped(cause="time_limit", stage="policy"), Stopped(cause=cause, stage="grade")]  # type: ignore[arg-type]
    step = decide(fold([START, *stops]))
    assert isinstance(step, Append)
    assert isinstance(step.event, Done)
    assert step.event.reason == cause


def test_a_sealed_episode_is_finished() -> None:
    assert decide(fold(toy_episode())) == Finish()


@given(st.integers(1, 9))
def test_a_prefix_of_an_episode_leads_to_its_next_event(size: int) -> None:
    events = toy_episode()
    step = decide(fold(events[:size]))
    if isinstance(step, Append):
        assert step.event == events[size]
    else:
        asked = {AskPolicy: ModelTurn, RunTool: ToolResult, Grade: TestRun}
        assert step == Finish() or isinstance(events[size], asked[type(step)])


@given(st.integers(0, 9))
def test_folding_on_is_folding_all(size: int) -> None:
    events = toy_episode()
    state = fold(events[:size])
    for event in events[size:]:
        state = evolve(state, event)
    assert state == fold(events)
    assert state.conversation.messages == conversation(events)


def test_calls_that_a_server_numbered_alike_are_told_apart() -> None:
    twin = ModelToolCall(id="x", name="submit", raw="{}", arguments={})
    messages = conversation([START, turn(1, twin, twin)])
    assert [call.id for call in messages[-1].calls] == ["call_1_0", "call_1_1"]
