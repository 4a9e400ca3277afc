"""A real chat-completions server on 127.0.0.1 that answers by script, well or badly, and remembers what it was asked.

Knows HTTP and sockets, nothing of this project. Each request takes the next answer; the last one is repeated for ever.
"""

from __future__ import annotations

import json
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[["ChatHandler"], None]
"""Writes one response, or what stands for one."""


class ChatServer(ThreadingHTTPServer):
    """`answers` may be changed while it runs; `requests` are (headers in lower case, body) in order of arrival."""

    daemon_threads = True
    block_on_close = False

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.requests: list[tuple[dict[str, str], Any]] = []
        self.closing = threading.Event()
        super().__init__(("127.0.0.1", 0), ChatHandler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that hangs up on a flood is the point of the test."""


class ChatHandler(BaseHTTPRequestHandler):
    """Keeps connections alive, as real servers do, unless the answer ends them."""

    protocol_version = "HTTP/1.1"
    server: ChatServer
    asked: Any
    """The body of the request that is being answered."""

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.asked = json.loads(body)
        self.server.requests.append((headers, self.asked))
        answers = self.server.answers
        (answers.pop(0) if len(answers) > 1 else answers[0])(self)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


@contextmanager
def chat_server() -> Iterator[ChatServer]:
    """A server on a free port, gone afterwards."""
    server = ChatServer()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()


def answer(status: int, body: bytes = b"", **headers: str) -> Answer:
    """A response as it should be; `retry_after="7"` is the header `retry-after: 7`."""

    def write(handler: ChatHandler) -> None:
        named = {"content-length": str(len(body)), **{k.replace("_", "-"): v for k, v in headers.items()}}
        handler.send_response(status)
        for name, value in named.items():
            handler.send_header(name, value)
        handler.end_headers()
        handler.wfile.write(body)
        handler.close_connection = int(named["content-length"]) != len(body)

    return write


def ok(message: dict[str, Any], *, choice: dict[str, Any] | None = None, **more: Any) -> Answer:
    """A chat completion with one choice; `choice` and `more` go into the choice and the top level."""
    chosen = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": "stop", **(choice or {})}
    body = {"id": "c", "object": "chat.completion", "choices": [chosen], **more}
    return answer(200, json.dumps(body).encode(), content_type="application/json")


def raw(data: bytes) -> Answer:
    """Exactly these bytes instead of a response, then the end."""

    def write(handler: ChatHandler) -> None:
        handler.wfile.write(data)
        handler.close_connection = True

    return write


def reset(data: bytes = b"") -> Answer:
    """These bytes, then a TCP reset."""

    def write(handler: ChatHandler) -> None:
        handler.wfile.write(data)
        handler.wfile.flush()
        handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        # The handler's files hold the socket open, too: only the last close sends the reset.
        handler.rfile.close()
        handler.wfile.close()
        handler.connection.close()
        handler.close_connection = True

    return write


def endless(head: bytes, chunk: bytes, every_s: float = 0.0) -> Answer:
    """`head`, then `chunk` again and again until the client hangs up."""

    def write(handler: ChatHandler) -> None:
        handler.close_connection = True
        with suppress(OSError):
            handler.wfile.write(head)
            while not handler.server.closing.wait(every_s):
                handler.wfile.write(chunk)

    return write
