"""The loop: read a request, carry it out, answer. Length-prefixed JSON; bytes travel as base64.

Started as `main(fd, config)`; ends when the socket closes.
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import socket
import struct
import sys
from collections.abc import Callable
from typing import Any, Dict

from . import files, history
from .confine import prepare
from .edit import edit
from .execute import execute
from .process import HostGone
from .reap import kill_descendants
from .refuse import Refuse, refusal
from .search import search
from .tests import Grading, run_tests
from .tree import Watched

MAX_FRAME = 512 << 20
Message = Dict[str, Any]


def main(fd: int, config: Message) -> None:
    """Serve until the other side hangs up."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    os.set_inheritable(fd, False)
    config["host"] = fd
    prepare(config)
    sock = socket.socket(fileno=fd)
    server = Server(config)
    try:
        while True:
            request = receive(sock)
            if request is None:
                break
            send(sock, server.answer(request))
    except (HostGone, OSError):
        pass
    kill_descendants()
    if config.get("own"):
        # What the host made for it alone, and can not remove if it was killed.
        shutil.rmtree(config["own"], ignore_errors=True)
    os._exit(0)


class Server:
    """Carries out requests over one workspace."""

    def __init__(self, config: Message) -> None:
        self._config, self._root = config, config["root"]
        self._watched = Watched(self._root)
        self._operations: dict[str, Callable[[Message], Message]] = {
            "hello": self._hello,
            "apply": self._apply,
            "read": lambda q: files.read(self._root, q["path"], q["max_bytes"]),
            "list": lambda q: files.list_tree(self._root, q["path"], q["depth"], q["max_entries"]),
            "search": lambda q: search(config, q),
            "edit": self._edit,
            "exec": lambda q: execute(q["argv"], q["timeout_s"], q["output_bytes"], config),
            "test": self._test,
            "changes": lambda _: self._changes(),
        }

    def answer(self, request: Message) -> Message:
        """What goes wrong is an answer too; only HostGone is raised."""
        try:
            return {"ok": self._operations[request["op"]](request)}
        except Refuse as refused:
            return {"refused": {"code": refused.code, "path": refused.path, "detail": refused.detail}}
        except HostGone:
            raise
        except Exception as error:
            return {"failed": "%s: %s" % (type(error).__name__, error)}

    def _hello(self, _: Message) -> Message:
        return {"pid": os.getpid(), "python": "%d.%d.%d" % sys.version_info[:3]}

    def _apply(self, request: Message) -> Message:
        if request["history"] is not None:
            files.apply(self._root, request["history"])
            self._commit()
        files.apply(self._root, request["changes"])
        return {"tree": self._watched.forget()}

    def _commit(self) -> None:
        try:
            history.begin(self._root)
        except OSError as error:
            raise refusal(error, ".git") from error

    def _edit(self, request: Message) -> Message:
        edit(self._root, request["edits"], self._config["file_bytes"])
        return self._changes()

    def _test(self, request: Message) -> Message:
        # Read before anything of the agent's runs, so that the run can not lie about it.
        digests = self._watched.digests()
        config = {**self._config, "protect": request["protect"]}
        grading = Grading(request["across"], request["hidden"], request["own"]) if request["grading"] else None
        return run_tests(request["args"], request["timeout_s"], request["output_bytes"], config, digests, grading)

    def _changes(self) -> Message:
        changed, tree = self._watched.changes()
        return {"files": changed, "tree": tree}


def receive(sock: socket.socket) -> Message | None:
    """The next request, or None when the other side hung up."""
    head = _exactly(sock, 4)
    if head is None:
        return None
    body = _exactly(sock, struct.unpack(">I", head)[0])
    return None if body is None else json.loads(body, object_hook=_revive)


def send(sock: socket.socket, message: Message) -> None:
    body = json.dumps(message, default=_flatten).encode()
    if len(body) > MAX_FRAME:
        body = json.dumps({"failed": "the answer has %d bytes" % len(body)}).encode()
    sock.sendall(struct.pack(">I", len(body)) + body)


def _exactly(sock: socket.socket, size: int) -> bytes | None:
    data = bytearray()
    while len(data) < size:
        chunk = sock.recv(min(size - len(data), 1 << 20))
        if not chunk:
            return None
        data += chunk
    return bytes(data)


def _flatten(value: Any) -> Message:
    if isinstance(value, bytes):
        return {"\0bytes": base64.b64encode(value).decode()}
    raise TypeError(type(value).__name__)


def _revive(value: Message) -> Any:
    return base64.b64decode(value["\0bytes"]) if len(value) == 1 and "\0bytes" in value else value
