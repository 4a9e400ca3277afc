"""A server that misbehaves costs at most the episode: never a crash, never a hang, never the key."""

from __future__ import annotations

import gzip
import json
import socket
from typing import Any

import anyio
import pytest

from coding_agent.errors import PolicyError, PolicyUnavailable
from coding_agent.policies import openai_chat
from coding_agent.policies.openai_chat import OpenAIChatPolicy
from coding_agent.policies.retry import Backoff
from tests.policies.chat import HELLO, KEY, Waits, policy, request
from tests.servers.chat import Answer, ChatServer, answer, endless, ok, raw, reset

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"
CHUNKED = HEAD + b"transfer-encoding: chunked\r\n\r\n"
ONCE = Backoff(attempts=1)

PASSING = {
    "429": answer(429, b"slow down"),
    "500": answer(500),
    "503": answer(503, b"busy"),
    "hang up before a response": raw(b""),
    "hang up in the headers": raw(HEAD),
    "hang up in the body": raw(HEAD + b"content-length: 100\r\n\r\n{"),
    "reset before a response": reset(),
    "reset in the body": reset(HEAD + b"content-length: 100\r\n\r\n{"),
    "hang up between chunks": raw(CHUNKED + b"5\r\n{   }\r\n"),
    "chunks that are none": raw(CHUNKED + b"zzz\r\n{}\r\n0\r\n\r\n"),
    "two lengths": raw(HEAD + b"content-length: 2\r\ncontent-length: 3\r\n\r\n{}"),
    "another protocol": raw(b"SSH-2.0-OpenSSH_9.6\r\n"),
    "a redirect to nonsense": answer(307, location="http://[::bad"),
    "endless headers": endless(HEAD, b"x: y\r\n" * 1000),
}


@pytest.mark.parametrize("failure", PASSING.values(), ids=PASSING.keys())
async def test_what_may_pass_is_tried_again_and_counted(server: ChatServer, failure: Answer) -> None:
    server.answers = [failure, failure, HELLO]
    waits = Waits()
    reply = await policy(server, waits).act(request())
    assert (reply.content, reply.retries, len(server.requests)) == ("hello", 2, 3)
    assert waits.pauses[1] > waits.pauses[0] > 0


@pytest.mark.parametrize("failure", PASSING.values(), ids=PASSING.keys())
async def test_what_does_not_pass_is_given_up_by_name(server: ChatServer, failure: Answer) -> None:
    server.answers = [failure]
    with pytest.raises(PolicyError, match=r"127\.0\.0\.1:\d+/v1: no answer after 2 attempts: \w+"):
        await policy(server, backoff=Backoff(attempts=2)).act(request())
    assert len(server.requests) == 2


SLOW = {
    "no response": endless(b"", b"", every_s=0.01),
    "a header at a time": endless(HEAD, b"x: y\r\n", every_s=0.01),
    "a byte at a time": endless(HEAD + b"content-length: 100000\r\n\r\n", b" ", every_s=0.01),
    "no end": endless(CHUNKED, b"1\r\n \r\n", every_s=0.01),
}


@pytest.mark.parametrize("failure", SLOW.values(), ids=SLOW.keys())
async def test_a_request_has_a_deadline_for_the_whole_of_its_answer(server: ChatServer, failure: Answer) -> None:
    server.answers = [failure]
    with anyio.fail_after(60), pytest.raises(PolicyError, match="(no whole answer within 0.15 s|Timeout)"):
        await policy(server, timeout_s=0.15, backoff=ONCE).act(request())


FINAL: dict[str, tuple[Answer, str]] = {
    "400": (answer(400, b"no such model"), "status 400: no such model"),
    "404": (answer(404, b"<h1>not\r\n found</h1>\x1b[31m"), r"status 404: <h1>not found</h1> \[31m$"),
    "a redirect": (answer(302, location="http://127.0.0.1:1/elsewhere"), "status 302"),
    "no content": (raw(b"HTTP/1.1 204 No Content\r\n\r\n"), "status 204"),
    "an empty body": (answer(200), "the answer is not JSON"),
    "a page": (answer(200, b"<html>", content_type="text/html"), "the answer is not JSON: <html>"),
    "half of it": (answer(200, b'{"choices": ['), "the answer is not JSON"),
    "not text": (answer(200, b"\xff\xfe\x00"), "the answer is not JSON"),
    "deep": (answer(200, b"[" * 100_000), "the answer is not JSON"),
    "a stream of events": (answer(200, b'data: {"choices": []}\n\n'), "the answer is not JSON: data:"),
    "an error": (answer(200, b'{"error": {"message": "overloaded"}}'), "failed with status 200: .*overloaded"),
    "too much": (endless(CHUNKED, b"80000\r\n" + b" " * 0x80000 + b"\r\n"), "at most 16777216 bytes"),
    "compressed": (answer(200, gzip.compress(b"{}"), content_encoding="gzip"), "without compression, found .*gzip"),
}


@pytest.mark.parametrize(("failure", "message"), FINAL.values(), ids=FINAL.keys())
async def test_anything_else_fails_at_once_and_says_why(server: ChatServer, failure: Answer, message: str) -> None:
    server.answers = [failure]
    waits = Waits()
    with pytest.raises(PolicyError, match=message) as caught:
        await policy(server, waits).act(request())
    assert (len(server.requests), waits.pauses) == (1, [])
    assert len(str(caught.value)) < 1000


async def test_a_server_that_is_not_there_is_tried_again_too() -> None:
    with socket.socket() as taken:
        # Nobody listens there, and nobody else gets the port.
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        made = OpenAIChatPolicy(model="m", base_url=url, key=KEY, sleep=Waits(), backoff=Backoff(attempts=3))
        with pytest.raises(PolicyUnavailable, match="no answer after 3 attempts: ConnectError"):
            await made.act(request())


async def test_the_server_may_ask_for_a_longer_pause(server: ChatServer) -> None:
    server.answers = [answer(429, retry_after="7"), HELLO]
    waits = Waits()
    await policy(server, waits).act(request())
    assert waits.pauses == [7.0]


async def test_a_server_that_asks_for_too_long_a_pause_is_given_up_at_once(server: ChatServer) -> None:
    server.answers = [answer(429, b"come back tomorrow", retry_after="86400")]
    with pytest.raises(PolicyUnavailable, match=r"after 1 attempts \(it asked to wait 86400 s\): .*come back tomorrow"):
        await policy(server).act(request())


async def test_the_same_seed_waits_the_same(server: ChatServer) -> None:
    server.answers = [answer(503)]
    waits = [Waits(), Waits(), Waits()]
    for seed, each in zip((1, 1, 2), waits, strict=True):
        with pytest.raises(PolicyError):
            await policy(server, each).act(request(seed))
    assert waits[0].pauses == waits[1].pauses != waits[2].pauses


LEAKS = {
    "401": answer(401, b"bad key " + KEY.encode()),
    "at the cut": answer(401, b"x" * 495 + KEY.encode()),
    "503": answer(503, b"Bearer " + KEY.encode()),
    "content": ok({"content": [KEY]}),
    "not JSON": answer(200, KEY.encode()),
    "an error": answer(200, json.dumps({"error": KEY}).encode()),
    "a header": raw(HEAD + KEY.encode() + b"\r\n\r\n"),
}


@pytest.mark.parametrize("leak", LEAKS.values(), ids=LEAKS.keys())
async def test_an_answer_that_repeats_the_key_is_redacted(server: ChatServer, leak: Answer) -> None:
    server.answers = [leak]
    with pytest.raises(PolicyError) as caught:
        await policy(server, backoff=ONCE).act(request())
    assert "sk-s" not in str(caught.value)
    assert caught.value.__cause__ is None


async def test_a_cancelled_request_is_gone(server: ChatServer) -> None:
    server.answers = [endless(CHUNKED, b"1\r\n \r\n", every_s=0.01)]
    with anyio.move_on_after(0.2) as scope:
        await policy(server).act(request())
    assert scope.cancelled_caught


async def test_no_way_to_read_certificates_is_the_policys_error(
    server: ChatServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nonexistent.pem")
    openai_chat._tls.cache_clear()
    made: Any = OpenAIChatPolicy(model="m", base_url=server.url, key=KEY)
    with pytest.raises(PolicyError, match="SSL_CERT_FILE"):
        await made.act(request())
