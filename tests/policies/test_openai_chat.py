"""Against a real HTTP server that answers by script, well or badly."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from coding_agent.errors import PolicyError, UsageError
from coding_agent.events.values import Message, ModelToolCall
from coding_agent.policies.base import ContextOverflow, PolicyRequest
from coding_agent.policies.openai_chat import OpenAIChatPolicy
from coding_agent.policies.retry import Backoff
from coding_agent.tools.dispatch import tool_schemas

Answer = tuple[int, dict[str, str], bytes]


class Server(ThreadingHTTPServer):
    """Answers one scripted answer per request, and remembers the requests. An empty body with status 0 hangs up."""

    daemon_threads = True

    def __init__(self, answers: list[Answer]) -> None:
        self.answers = answers
        self.requests: list[tuple[dict[str, str], Any]] = []
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.requests.append((dict(self.headers), json.loads(body)))
        status, headers, answer = self.server.answers.pop(0)
        if status == 0:
            self.connection.close()
            return
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if "content-length" not in headers:
            self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: object) -> None:
        pass


def ok(message: dict[str, Any], **more: Any) -> Answer:
    body = {"choices": [{"message": {"role": "assistant", **message}, "finish_reason": "stop"}], **more}
    return 200, {}, json.dumps(body).encode()


HELLO = ok({"content": "hello"}, usage={"prompt_tokens": 5, "completion_tokens": 2})


@pytest.fixture
def server() -> Iterator[Server]:
    made = Server([])
    thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield made
    made.shutdown()
    thread.join()
    made.server_close()


class Waits:
    """Takes note of pauses and makes none."""

    def __init__(self) -> None:
        self.pauses: list[float] = []

    async def __call__(self, pause: float) -> None:
        self.pauses.append(pause)


def policy(server: Server, waits: Waits | None = None, **options: Any) -> OpenAIChatPolicy:
    return OpenAIChatPolicy(model="m", base_url=server.url, key="sk-secret", sleep=waits or Waits(), **options)


def request() -> PolicyRequest:
    called = ModelToolCall(id="a", name="list_files", raw="{}", arguments={})
    messages = (
        Message(role="user", content="hi"),
        Message(role="assistant", content=None, calls=(called,), extra={"reasoning_content": "hm"}),
        Message(role="tool", content="src/", call_id="a"),
    )
    return PolicyRequest(messages=messages, tools=tool_schemas("default"), seed=1, turn=2)


async def test_a_reply_is_read_and_the_request_is_what_the_protocol_says(server: Server) -> None:
    server.answers = [HELLO]
    reply = await policy(server, temperature=0.5).act(request())
    headers, body = server.requests[0]
    assert (reply.content, reply.usage.prompt_tokens, reply.retries) == ("hello", 5, 0)
    assert headers["authorization"] == "Bearer sk-secret"
    assert body["messages"][1]["tool_calls"][0]["function"] == {"name": "list_files", "arguments": "{}"}
    assert body["messages"][1]["reasoning_content"] == "hm"
    assert body["messages"][2] == {"role": "tool", "content": "src/", "tool_call_id": "a"}
    assert (body["temperature"], body["tools"][0]["type"]) == (0.5, "function")


async def test_tool_calls_keep_their_raw_arguments(server: Server) -> None:
    call = {"id": "x", "type": "function", "function": {"name": "search", "arguments": '{"pattern": '}}
    server.answers = [ok({"content": None, "tool_calls": [call]})]
    reply = await policy(server).act(request())
    assert (reply.calls[0].name, reply.calls[0].arguments) == ("search", '{"pattern": ')


@pytest.mark.parametrize("failure", [(429, {}, b"slow down"), (503, {}, b""), (0, {}, b"")])
async def test_what_may_pass_is_tried_again_and_counted(server: Server, failure: Answer) -> None:
    server.answers = [failure, failure, HELLO]
    waits = Waits()
    reply = await policy(server, waits).act(request())
    assert (reply.retries, len(server.requests)) == (2, 3)
    assert waits.pauses[1] > waits.pauses[0] > 0


async def test_the_server_may_ask_for_a_longer_pause(server: Server) -> None:
    server.answers = [(429, {"retry-after": "7"}, b""), HELLO]
    waits = Waits()
    await policy(server, waits).act(request())
    assert waits.pauses == [7.0]


async def test_a_server_that_never_recovers_is_given_up(server: Server) -> None:
    server.answers = [(503, {}, b"down")] * 3
    with pytest.raises(PolicyError, match="no answer after 3 attempts: .*status 503: down"):
        await policy(server, backoff=Backoff(attempts=3)).act(request())


async def test_any_other_refusal_fails_at_once_without_showing_the_key(server: Server) -> None:
    server.answers = [(401, {}, b"bad key sk-secret")]
    with pytest.raises(PolicyError, match=r"status 401: bad key \[key\]"):
        await policy(server).act(request())
    assert len(server.requests) == 1


async def test_a_request_that_is_too_long_is_no_error_of_the_policy(server: Server) -> None:
    server.answers = [(400, {}, b'{"error": {"code": "context_length_exceeded"}}')]
    with pytest.raises(ContextOverflow):
        await policy(server).act(request())


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        ((200, {}, b"<html>"), "the answer is not JSON: <html>"),
        ((200, {}, b"[]"), "the answer: expected an object"),
        ((200, {}, b"{}"), "choices: expected a list"),
        ((200, {}, b'{"choices": []}'), r"choices\[0\]: expected an object"),
        (ok({"content": 3}), "content: expected text or null, found 3"),
        (ok({"content": "", "tool_calls": {}}), "tool_calls: expected a list or null"),
        (ok({"tool_calls": [{"function": {"name": 1}}]}), "function.name: expected text, found 1"),
        ((302, {"location": "/elsewhere"}, b""), "status 302"),
    ],
)
async def test_a_malformed_answer_is_named(server: Server, answer: Answer, message: str) -> None:
    server.answers = [answer]
    with pytest.raises(PolicyError, match=message):
        await policy(server).act(request())


async def test_an_answer_cut_by_the_connection_is_tried_again(server: Server) -> None:
    status, _, body = HELLO
    server.answers = [(status, {"content-length": str(len(body) + 50)}, body), HELLO]
    assert (await policy(server).act(request())).retries == 1


async def test_token_ids_and_log_probabilities_are_kept(server: Server) -> None:
    areno = {"input_tokens": [1, 2], "response_tokens": [3, 4], "response_logprobs": [-0.5, -1.0]}
    server.answers = [ok({"content": "x"}, areno=areno)]
    tokens = (await policy(server).act(request())).tokens
    assert tokens is not None
    assert (tokens.prompt_ids, tokens.completion_ids, tokens.logprobs) == ((1, 2), (3, 4), (-0.5, -1.0))


async def test_missing_log_probabilities_are_never_made_up(server: Server) -> None:
    areno = {"input_tokens": [1], "response_tokens": [3, 4], "response_logprobs": [-0.5]}
    server.answers = [ok({"content": "x"}, areno=areno)]
    with pytest.raises(PolicyError, match="expected 2 log-probabilities"):
        await policy(server).act(request())


async def test_truncation_is_detected_whatever_the_server_claims(server: Server) -> None:
    server.answers = [ok({"content": "x"}, usage={"completion_tokens": 8})]
    assert (await policy(server, max_tokens=8).act(request())).truncated


async def test_what_strict_json_lacks_is_kept(server: Server) -> None:
    areno = b'"areno":{"input_tokens":[1],"response_tokens":[2],"response_logprobs":[-Infinity]}'
    server.answers = [(200, {}, b'{"choices":[{"message":{"content":"\\ud800"}}],' + areno + b"}")]
    reply = await policy(server).act(request())
    assert reply.content == "\ud800"
    assert reply.tokens is not None
    assert reply.tokens.logprobs == ("-inf",)


@pytest.mark.parametrize(
    "answer", [ok({"content": ["sk-secret"]}), (401, {}, b"x" * 495 + b"sk-secret"), (500, {}, b"Bearer sk-secret")]
)
async def test_an_answer_that_repeats_the_key_is_redacted(server: Server, answer: Answer) -> None:
    server.answers = [answer]
    with pytest.raises(PolicyError) as caught:
        await policy(server, backoff=Backoff(attempts=1)).act(request())
    assert "sk-s" not in str(caught.value)


async def test_a_key_is_taken_without_the_line_break_behind_it(server: Server) -> None:
    server.answers = [HELLO]
    made = OpenAIChatPolicy(model="m", base_url=server.url, key="sk-secret\n", sleep=Waits())
    await made.act(request())
    assert server.requests[0][0]["authorization"] == "Bearer sk-secret"


@pytest.mark.parametrize("key", ["schlüssel", "two\nlines"])
def test_what_no_header_can_carry_is_no_key_and_not_shown(key: str) -> None:
    with pytest.raises(UsageError, match="OPENAI_API_KEY: expected printable ASCII") as caught:
        OpenAIChatPolicy(model="m", base_url="http://x/v1", key=key)
    assert key not in str(caught.value)


@pytest.mark.parametrize("content", [[None], [{"logprob": None}], [], None])
async def test_ids_without_probabilities_are_an_error(server: Server, content: list[Any] | None) -> None:
    body = {"choices": [{"message": {"content": ""}, "token_ids": [2], "logprobs": {"content": content}}]}
    server.answers = [(200, {}, json.dumps({**body, "prompt_token_ids": [1]}).encode())]
    with pytest.raises(PolicyError, match="log-probabilit"):
        await policy(server).act(request())


async def test_a_filtered_request_is_too_long(server: Server) -> None:
    server.answers = [(200, {}, b'{"choices": [], "areno": {"filtered": true}}')]
    with pytest.raises(ContextOverflow):
        await policy(server).act(request())


def test_the_key_is_shown_nowhere() -> None:
    made = OpenAIChatPolicy(model="m", base_url="http://x/v1", key="sk-secret")
    assert "sk-secret" not in repr(made) + made.spec
