from __future__ import annotations

import pytest

from coding_agent.errors import IllegalSequence
from coding_agent.events.log import advance, check_sequence
from coding_agent.events.schema import Done, Event, Notice, Stopped, TestRun, ToolCall, ToolResult
from tests.samples import GRADE, START, SUBMIT, WRITE, toy_episode, turn

CALL = ToolCall(call="1.0", tool="write_file", arguments={})
RESULT = ToolResult(call="1.0", outcome="ok", text="")
DONE = toy_episode()[-1]


def test_a_whole_episode_is_legal() -> None:
    assert check_sequence(toy_episode()).done


@pytest.mark.parametrize(
    ("events", "message"),
    [
        ([turn(1)], "event 0: expected EpisodeStarted first, found ModelTurn"),
        ([START, START], "event 1: expected EpisodeStarted only once, found EpisodeStarted"),
        ([START, turn(2)], "event 1: turn 2 after turn 0"),
        ([START, turn(1, WRITE), turn(2)], "event 2: ModelTurn while 1.0 is unanswered"),
        ([START, CALL], "event 1: 1.0 is not an unanswered call of turn 0"),
        ([START, turn(1, WRITE), RESULT], "event 2: a result for 1.0, but the open call is None"),
        ([START, turn(1, WRITE), CALL, CALL], "event 3: ToolCall 1.0 while 1.0 is unanswered"),
        ([START, turn(1, WRITE), CALL, DONE], "event 3: Done while a call is unanswered"),
        ([START, turn(1, WRITE), GRADE], "event 2: the grade while a call is unanswered"),
        ([START, GRADE, GRADE], "event 2: a second grade"),
        ([START, GRADE, turn(1)], "event 2: ModelTurn after the grade"),
        ([START, Stopped(cause="cancelled", stage="tool"), turn(1)], "event 2: ModelTurn after Stopped"),
        ([*toy_episode(), GRADE], "event 9: TestRun after Done; a sealed log takes nothing more"),
        ([START, turn(1, WRITE), Notice(kind="not_executed", text="", call="1.1")],
         "event 2: 1.1 is not an unanswered call of turn 1"),
    ],
)  # fmt: skip
def test_an_event_out_of_place_is_refused_with_its_seq(events: list[Event], message: str) -> None:
    with pytest.raises(IllegalSequence) as caught:
        check_sequence(events)
    assert str(caught.value) == message


def test_a_test_run_answers_only_its_own_call() -> None:
    stray = TestRun(purpose="agent", call="9.9", command=(), outcomes={}, exit_status=0, tree="t")
    with pytest.raises(IllegalSequence, match="a test run for call 9.9"):
        check_sequence([START, turn(1, WRITE), CALL, stray])


def test_a_stop_may_leave_a_call_unanswered() -> None:
    assert isinstance(DONE, Done)
    events: list[Event] = [START, turn(1, WRITE), CALL, Stopped(cause="cancelled", stage="tool"), DONE]
    assert check_sequence(events).done


@pytest.mark.parametrize("dropped", range(7))
def test_no_event_before_the_grade_can_be_dropped(dropped: int) -> None:
    events = toy_episode()
    del events[dropped]
    with pytest.raises(IllegalSequence):
        check_sequence(events)


def test_folding_is_the_same_step_by_step() -> None:
    place = check_sequence([])
    for seq, event in enumerate(toy_episode()):
        place = advance(place, event)
        assert place == check_sequence(toy_episode()[: seq + 1])


def test_further_calls_of_a_message_are_answered_by_notices() -> None:
    skipped = Notice(kind="not_executed", text="", call="1.1")
    events: list[Event] = [START, turn(1, WRITE, SUBMIT), CALL, RESULT, skipped, turn(2)]
    assert check_sequence(events).turn == 2
