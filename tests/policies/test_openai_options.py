from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coding_agent.cli.policies import policy_factory
from coding_agent.errors import UsageError
from coding_agent.policies.openai_chat import OpenAIChatPolicy
from coding_agent.policies.options import read_options, write_options
from coding_agent.policies.specs import parse_policy_spec
from tests.policies.chat import HELLO, policy, request
from tests.rollout.worlds import TASK
from tests.servers.chat import ChatServer

URL = "http://h/v1"
VALUES = {
    "temperature": st.floats(0, 5),
    "top_p": st.floats(0, 1),
    "top_k": st.integers(-1, 1000),
    "max_tokens": st.integers(1, 10**6),
    "presence_penalty": st.floats(-2, 2),
    "seed": st.integers(0, 2**53) | st.just("turn"),
    "logprobs": st.booleans(),
    "timeout_s": st.floats(0.01, 1000),
}


def built(spec: str) -> OpenAIChatPolicy:
    made = policy_factory(spec)(TASK)
    assert isinstance(made, OpenAIChatPolicy)
    return made


@given(st.fixed_dictionaries({}, optional=VALUES))
def test_options_are_read_as_they_were_written(options: dict[str, object]) -> None:
    assert read_options(write_options(options)) == options


@given(st.fixed_dictionaries({}, optional=VALUES))
def test_a_policy_says_how_to_build_it_again(options: dict[str, object]) -> None:
    made = built(f"openai:org/m@{URL}?{write_options(options)}")
    assert built(made.spec) == made
    assert parse_policy_spec(made.spec).base_url == URL


def test_without_options_nothing_is_added() -> None:
    assert built(f"openai:m@{URL}").spec == f"openai:m@{URL}"
    assert built(f"openai:m@{URL}?").spec == f"openai:m@{URL}"


async def test_options_are_sent_and_recorded(server: ChatServer) -> None:
    server.answers = [HELLO]
    made = built(f"openai:m@{server.url}?temperature=0.5&top_k=20&max_tokens=9&seed=7&logprobs=true")
    reply = await made.act(request())
    expected = {"model": "m", "temperature": 0.5, "max_tokens": 9, "top_k": 20, "seed": 7, "logprobs": True}
    assert reply.sampling == expected
    assert {key: server.requests[0][1][key] for key in expected} == expected


async def test_a_seed_per_turn_differs_by_episode_and_is_the_same_again(server: ChatServer) -> None:
    server.answers = [HELLO]
    made = policy(server, seed_per_turn=True)
    seeds = [(await made.act(request(seed))).sampling["seed"] for seed in (1, 2, 1)]
    assert seeds[0] == seeds[2] != seeds[1]
    assert all(0 <= seed < 2**31 for seed in seeds)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("temprature=1", "found 'temprature'; did you mean temperature?"),
        ("api_key=sk-hidden", "found 'api_key'"),
        ("temperature=warm", "temperature: expected a number at least 0, found 'warm'"),
        ("temperature=nan", "temperature: expected a number"),
        ("top_p=2", "top_p: expected a number at least 0 and at most 1, found '2'"),
        ("max_tokens=0", "max_tokens: expected an integer at least 1, found '0'"),
        ("max_tokens=1.5", "max_tokens: expected an integer"),
        ("seed=-1", "seed: expected an integer at least 0, or turn, found '-1'"),
        ("logprobs=yes", "logprobs: expected true or false, found 'yes'"),
        ("seed=1&seed=2", "seed is given twice"),
    ],
)
def test_a_wrong_option_is_named(query: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_policy_spec(f"openai:m@{URL}?{query}")
    assert message in str(caught.value)
    assert "sk-hidden" not in str(caught.value)
