"""The protocol, against a real HTTP server that behaves."""

from __future__ import annotations

from typing import Any

import anyio
import pytest

from coding_agent.errors import PolicyError, UsageError
from coding_agent.policies.base import ContextOverflow, PolicyRequest
from coding_agent.policies.openai_chat import OpenAIChatPolicy
from tests.policies.chat import HELLO, KEY, policy, request
from tests.servers.chat import Answer, ChatServer, answer, chat_server, ok


async def test_a_reply_is_read_and_the_request_is_what_the_protocol_says(server: ChatServer) -> None:
    server.answers = [HELLO]
    reply = await policy(server, temperature=0.5).act(request())
    headers, body = server.requests[0]
    assert (reply.content, reply.usage.prompt_tokens, reply.retries) == ("hello", 5, 0)
    assert headers["authorization"] == f"Bearer {KEY}"
    assert body["messages"][1]["tool_calls"][0]["function"] == {"name": "list_files", "arguments": "{}"}
    assert body["messages"][1]["reasoning_content"] == "hm"
    assert body["messages"][2] == {"role": "tool", "content": "src/", "tool_call_id": "a"}
    assert (body["temperature"], body["tools"][0]["type"]) == (0.5, "function")


async def test_what_was_not_asked_for_is_not_sent(server: ChatServer) -> None:
    server.answers = [HELLO]
    await policy(server).act(PolicyRequest(messages=(), tools=(), seed=1, turn=1))
    assert server.requests[0][1] == {"model": "m", "messages": []}


async def test_further_fields_are_sent_and_recorded_with_the_sampling(server: ChatServer) -> None:
    server.answers = [HELLO]
    reply = await policy(server, top_p=0.9, extra_body={"top_k": 20}).act(request())
    assert server.requests[0][1]["top_k"] == 20
    assert reply.sampling == {"model": "m", "top_p": 0.9, "top_k": 20}


async def test_tool_calls_keep_their_raw_arguments(server: ChatServer) -> None:
    call = {"id": "x", "type": "function", "function": {"name": "search", "arguments": '{"pattern": '}}
    server.answers = [ok({"content": None, "tool_calls": [call]})]
    reply = await policy(server).act(request())
    assert (reply.calls[0].name, reply.calls[0].arguments) == ("search", '{"pattern": ')


async def test_truncation_is_detected_whatever_the_server_claims(server: ChatServer) -> None:
    server.answers = [ok({"content": "x"}, usage={"completion_tokens": 8})]
    assert (await policy(server, max_tokens=8).act(request())).truncated


@pytest.mark.parametrize(
    "refusal",
    [
        answer(400, b'{"error": {"code": "context_length_exceeded"}}'),
        answer(400, b" " * 5000 + b"This model's maximum context length is 8192 tokens."),
        answer(500, b'{"error": {"type": "exceed_context_size_error"}}'),
        answer(200, b'{"error": {"type": "exceed_context_size_error"}}'),
        answer(200, b'{"choices": [], "areno": {"filtered": true}}'),
    ],
)
async def test_a_request_that_is_too_long_is_no_error_of_the_policy(server: ChatServer, refusal: Answer) -> None:
    server.answers = [refusal]
    with pytest.raises(ContextOverflow):
        await policy(server).act(request())
    assert len(server.requests) == 1


async def test_token_ids_and_log_probabilities_are_kept(server: ChatServer) -> None:
    areno = {"input_tokens": [1, 2], "response_tokens": [3, 4], "response_logprobs": [-0.5, -1.0]}
    server.answers = [ok({"content": "x"}, areno=areno)]
    tokens = (await policy(server).act(request())).tokens
    assert tokens is not None
    assert (tokens.prompt_ids, tokens.completion_ids, tokens.logprobs) == ((1, 2), (3, 4), (-0.5, -1.0))


async def test_what_strict_json_lacks_is_kept(server: ChatServer) -> None:
    areno = b'"areno":{"input_tokens":[1],"response_tokens":[2],"response_logprobs":[-Infinity]}'
    server.answers = [answer(200, b'{"choices":[{"message":{"content":"\\ud800"}}],' + areno + b"}")]
    reply = await policy(server).act(request())
    assert reply.content == "\ud800"
    assert reply.tokens is not None
    assert reply.tokens.logprobs == ("-inf",)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_one_policy_serves_many_loops(backend: str) -> None:
    with chat_server() as server:
        server.answers = [HELLO]
        made = policy(server)
        contents = [anyio.run(made.act, request(), backend=backend).content for _ in range(3)]
    assert contents == ["hello"] * 3


async def test_many_episodes_may_ask_at_once(server: ChatServer) -> None:
    server.answers = [HELLO]
    made, contents = policy(server), []

    async def ask() -> None:
        contents.append((await made.act(request())).content)

    async with anyio.create_task_group() as group:
        for _ in range(16):
            group.start_soon(ask)
    assert contents == ["hello"] * 16


def test_the_key_is_read_from_the_variable_that_was_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "sk-mine\n")
    made = OpenAIChatPolicy(model="m", base_url="http://x/v1", key_env="MY_KEY")
    assert made.key == "sk-mine"
    assert "sk-mine" not in repr(made) + made.spec


@pytest.mark.parametrize("key", ["schlüssel", "two\nlines"])
def test_what_no_header_can_carry_is_no_key_and_not_shown(key: str) -> None:
    with pytest.raises(UsageError, match="OPENAI_API_KEY: expected printable ASCII") as caught:
        OpenAIChatPolicy(model="m", base_url="http://x/v1", key=key)
    assert key not in str(caught.value)


@pytest.mark.parametrize(
    "options",
    [
        {"base_url": "ftp://x/v1"},
        {"base_url": "http:///v1"},
        {"base_url": "http://x:port/v1"},
        {"base_url": "http://x/v1?a=b"},
        {"base_url": "http://user:hidden@x/v1"},
        {"base_url": "http://x/v1", "extra_body": {"stream": True}},
    ],
)
def test_options_that_can_not_work_are_refused_at_once(options: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="(base_url|extra_body): expected") as caught:
        OpenAIChatPolicy(model="m", **options)
    assert "hidden" not in str(caught.value)


async def test_a_missing_key_is_named_when_the_server_wants_one(server: ChatServer) -> None:
    server.answers = [answer(401, b"who are you?")]
    made = OpenAIChatPolicy(model="m", base_url=server.url, key="")
    with pytest.raises(PolicyError, match=r"who are you\? \(OPENAI_API_KEY is not set\)"):
        await made.act(request())
    assert "authorization" not in server.requests[0][0]


async def test_a_server_that_repeats_the_key_is_not_repeated(server: ChatServer) -> None:
    server.answers = [ok({"content": f"Your key is {KEY}."})]
    reply = await policy(server, key_env="NO_USUAL_NAME").act(request())
    assert (reply.content, reply.redacted) == ("Your key is [redacted:NO_USUAL_NAME].", 1)
