from __future__ import annotations

from pathlib import Path

import pytest

from coding_agent.errors import PolicyError, UsageError
from coding_agent.events.schema import ModelTurn
from coding_agent.policies.base import PolicyReply, PolicyRequest, RawCall
from coding_agent.policies.gold import GoldPolicy
from coding_agent.policies.recorded import RecordedPolicy
from coding_agent.policies.scripted import ScriptedPolicy
from coding_agent.policies.specs import PolicySpec, parse_policy_spec
from coding_agent.rollout.record import to_turn
from tests.samples import toy_episode


def request(turn: int) -> PolicyRequest:
    return PolicyRequest(messages=(), tools=(), seed=0, turn=turn)


def script(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "script.jsonl"
    path.write_text(text)
    return path


async def test_a_script_answers_turn_by_turn(tmp_path: Path) -> None:
    path = script(
        tmp_path, '{"content": "a"}\n\n{"tool_calls": [{"name": "submit", "arguments": {"status": "solved"}}]}\n'
    )
    policy = ScriptedPolicy.from_file(path)
    assert (await policy.act(request(1))).content == "a"
    assert (await policy.act(request(2))).calls[0].arguments == '{"status": "solved"}'


async def test_a_script_that_is_over_says_so(tmp_path: Path) -> None:
    policy = ScriptedPolicy.from_file(script(tmp_path, '{"content": "a"}'))
    with pytest.raises(PolicyError, match="is over: it has 1 turns, this is turn 2"):
        await policy.act(request(2))


async def test_raw_arguments_of_a_script_stay_raw(tmp_path: Path) -> None:
    policy = ScriptedPolicy.from_file(script(tmp_path, '{"tool_calls": [{"name": "x", "arguments": "{not json"}]}'))
    assert (await policy.act(request(1))).calls[0].arguments == "{not json"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "line 1: expected one JSON object"),
        ("[]", r"line 1: expected an object, found \[\]"),
        ('{"contents": ""}', "line 1: expected keys of content, finish_reason, tool_calls, found 'contents'"),
        ('{"content": 1}', "line 1: content: expected text or null, found 1"),
        ('{"content": "a", "content": "b"}', "line 1: expected one JSON object, .*the key 'content' is there twice"),
        ('{"content": "a"}\n' + "[" * 100_000, "line 2: expected one JSON object"),
        ('{"tool_calls": [{"arguments": {}}]}', r"line 1: tool_calls\[0\]: name: expected text, found None"),
        ('{"tool_calls": [{"name": "a", "arguments": 3}]}', "arguments: expected an object, or raw text, found 3"),
    ],
)
def test_an_error_in_a_script_names_its_place(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        ScriptedPolicy.from_file(script(tmp_path, text))


async def test_a_line_ends_where_json_lines_ends_it(tmp_path: Path) -> None:
    policy = ScriptedPolicy.from_file(script(tmp_path, '{"content": "a\u2028b"}\r\n{"content": "c"}\n'))
    assert [reply.content for reply in policy.replies] == ["a\u2028b", "c"]


async def test_a_recorded_policy_that_is_recorded_again_is_the_same() -> None:
    said = PolicyReply(content="\ud800\ufdd0", calls=(RawCall(id="\udfff", name="x", arguments="\ud800"),))
    turn = to_turn(said, turn=1, request_digest="", latency_s=None)
    again = await RecordedPolicy((turn,), "recorded:x").act(request(1))
    assert to_turn(again, turn=1, request_digest="", latency_s=None) == turn


async def test_a_recorded_policy_that_is_over_says_so() -> None:
    with pytest.raises(PolicyError, match="recorded:x is over: it has 0 turns, this is turn 1"):
        await RecordedPolicy((), "recorded:x").act(request(1))


async def test_an_empty_gold_patch_is_not_applied() -> None:
    names = [(await GoldPolicy("\n").act(request(turn))).calls[0].name for turn in (1, 2)]
    assert names == ["run_tests", "submit"]


async def test_a_recorded_policy_says_what_was_said() -> None:
    turns = tuple(event for event in toy_episode() if isinstance(event, ModelTurn))
    policy = RecordedPolicy(turns, "recorded:x")
    reply = await policy.act(request(2))
    assert (reply.content, reply.calls[0].arguments) == (turns[1].content, turns[1].calls[0].raw)


async def test_gold_patches_tests_and_submits() -> None:
    policy = GoldPolicy("--- a/x\n")
    names = [(await policy.act(request(turn))).calls[0].name for turn in (1, 2, 3)]
    assert names == ["apply_patch", "run_tests", "submit"]
    assert policy.privileged


def test_the_gold_patch_is_not_shown_by_its_policy() -> None:
    assert "secret" not in repr(GoldPolicy("secret"))


@pytest.mark.parametrize(
    ("text", "spec"),
    [
        ("repair", PolicySpec(kind="repair")),
        ("scripted:a/b.jsonl", PolicySpec(kind="scripted", argument="a/b.jsonl")),
        ("openai:org/m:1@http://h:8000/v1", PolicySpec(kind="openai", argument="org/m:1", base_url="http://h:8000/v1")),
        ("openai:a@b@https://h/v1", PolicySpec(kind="openai", argument="a@b", base_url="https://h/v1")),
    ],
)
def test_a_spec_is_parsed(text: str, spec: PolicySpec) -> None:
    assert parse_policy_spec(text) == spec


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("repiar", "found 'repiar'. Did you mean repair?"),
        ("gold:x", "gold takes nothing after it"),
        ("scripted:", "scripted needs a file"),
        ("openai:m", "expected openai:MODEL@BASE_URL"),
    ],
)
def test_a_wrong_spec_is_told_the_right_form(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        parse_policy_spec(text)
