"""The host's end of a sandbox: requests over a socket, answers treated as untrusted input. asyncio and trio alike."""

from __future__ import annotations

import json
import math
import socket
import struct
from base64 import b64decode, b64encode
from collections.abc import Sequence
from typing import Any

import anyio
import attrs

from coding_agent.errors import SandboxDied, SandboxProtocol
from coding_agent.sandbox import answers
from coding_agent.sandbox.aside import EACH, aside
from coding_agent.sandbox.base import (
    ChangeSet,
    ExecResult,
    FileRead,
    Grading,
    Listing,
    PathChange,
    PathEdit,
    Refused,
    SearchResult,
    TestReport,
    TooMuchChanged,
)

MAX_FRAME = 512 << 20
GRACE_S = 30.0
"""Beyond a request's own timeout; longer means that the runtime is gone or stuck."""
WITHIN_S = {"hello": 30.0, "apply": 120.0, "read": 30.0, "list": 30.0, "edit": 60.0, "changes": 60.0}
"""For an answer to a request that brings no timeout of its own."""


class Channel:
    """Implements `base.Sandbox` over a connected socket."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self._sock = sock
        self._broken: str | None = None

    async def apply(self, changes: Sequence[PathChange], *, history: Sequence[PathChange] | None = None) -> str:
        before = None if history is None else [*history]
        answer = await self._ask("apply", WITHIN_S["apply"], changes=[*changes], history=before)
        return answers.text(answer, "tree")

    async def read(self, path: str, *, max_bytes: int) -> FileRead:
        return answers.file_read(await self._ask("read", WITHIN_S["read"], path=path, max_bytes=max_bytes))

    async def list(self, path: str, *, depth: int, max_entries: int) -> Listing:
        answer = await self._ask("list", WITHIN_S["list"], path=path, depth=depth, max_entries=max_entries)
        return answers.listing(answer)

    async def search(
        self, pattern: str, *, path: str, glob: str | None, ignore_case: bool, max_matches: int, timeout_s: float
    ) -> SearchResult:
        answer = await self._ask(
            "search", timeout_s, pattern=pattern, path=path, glob=glob, ignore_case=ignore_case,
            max_matches=max_matches, timeout_s=timeout_s,
        )  # fmt: skip
        return answers.search_result(answer)

    async def edit(self, edits: Sequence[PathEdit]) -> ChangeSet:
        return answers.change_set(await self._ask("edit", WITHIN_S["edit"], edits=[*edits]))

    async def exec(self, argv: Sequence[str], *, timeout_s: float, output_bytes: int) -> ExecResult:
        answer = await self._ask("exec", timeout_s, argv=[*argv], timeout_s=timeout_s, output_bytes=output_bytes)
        return answers.exec_result(answer)

    async def test(
        self, args: Sequence[str], *, timeout_s: float, output_bytes: int = 4096, grading: Grading | None = None
    ) -> TestReport:
        given = grading or Grading()
        answer = await self._ask(
            "test", timeout_s, args=[*args], timeout_s=timeout_s, output_bytes=output_bytes,
            grading=grading is not None, protect=[*given.protect], across=[*given.across],
            hidden=[*given.hidden], own=[*given.own],
        )  # fmt: skip
        return answers.test_report(answer)

    async def changes(self) -> ChangeSet:
        try:
            return answers.change_set(await self._ask("changes", WITHIN_S["changes"]))
        except Refused as refused:
            raise TooMuchChanged(str(refused)) from refused

    async def hello(self) -> None:
        """Wait until the runtime answers."""
        await self._ask("hello", WITHIN_S["hello"])

    async def _ask(self, operation: str, within_s: float, /, **request: Any) -> dict[str, Any]:
        if self._broken is not None:
            raise SandboxDied(f"the sandbox can not be used any more: {self._broken}")
        self._broken = f"{operation} was interrupted"
        try:
            with anyio.fail_after(within_s + GRACE_S):
                await self._send({"op": operation, **request})
                answer = await self._receive()
        except TimeoutError as error:
            self._broken = f"{operation} had no answer within {within_s + GRACE_S:g} s"
            raise SandboxDied(self._broken) from error
        except OSError as error:
            self._broken = f"the connection broke during {operation}: {error}"
            raise SandboxDied(self._broken) from error
        self._broken = None
        return _unwrap(answer, operation)

    async def _send(self, request: dict[str, Any]) -> None:
        view = memoryview(await aside(_size(request), _dumps, request))
        while view:
            try:
                view = view[self._sock.send(view) :]
            except BlockingIOError:
                await anyio.wait_writable(self._sock)

    async def _receive(self) -> Any:
        (size,) = struct.unpack(">I", await self._exactly(4))
        if size > MAX_FRAME:
            raise SandboxProtocol(f"an answer of {size} bytes; at most {MAX_FRAME} are taken")
        body = await self._exactly(size)
        try:
            return await aside(size, _loads, body)
        except (ValueError, RecursionError) as error:
            raise SandboxProtocol(f"an answer that is not JSON: {error}") from error

    async def _exactly(self, size: int) -> bytes:
        data = bytearray()
        while len(data) < size:
            try:
                chunk = self._sock.recv(min(size - len(data), 1 << 20))
            except BlockingIOError:
                await anyio.wait_readable(self._sock)
                continue
            if not chunk:
                raise ConnectionResetError("the runtime hung up")
            data += chunk
        return bytes(data)


def _unwrap(answer: Any, operation: str) -> dict[str, Any]:
    if isinstance(answer, dict) and isinstance(answer.get("ok"), dict):
        result: dict[str, Any] = answer["ok"]
        return result
    if isinstance(answer, dict) and isinstance(answer.get("refused"), dict):
        raise answers.refused(answer["refused"])
    if isinstance(answer, dict) and isinstance(answer.get("failed"), str):
        raise SandboxDied(f"{operation} failed inside the sandbox: {answer['failed'][:1000]}")
    raise SandboxProtocol(f"{operation}: expected ok, refused or failed, found {str(answer)[:200]}")


def _size(request: dict[str, Any]) -> int:
    files = (each for key in ("changes", "history", "edits") for each in request.get(key) or ())
    return sum(len(each.data or b"") + EACH for each in files)


def _dumps(request: dict[str, Any]) -> bytes:
    body = json.dumps(request, default=_flatten).encode()
    return struct.pack(">I", len(body)) + body


def _loads(body: bytes) -> Any:
    return json.loads(body, object_hook=_revive, parse_constant=_refuse_constant)


def _flatten(value: object) -> dict[str, Any]:
    if isinstance(value, bytes):
        return {"\0bytes": b64encode(value).decode()}
    if isinstance(value, PathChange | PathEdit):
        return attrs.asdict(value)
    raise TypeError(type(value).__name__)


def _revive(value: dict[str, Any]) -> Any:
    return b64decode(value["\0bytes"]) if len(value) == 1 and isinstance(value.get("\0bytes"), str) else value


def _refuse_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number" if math.isnan(float(name)) else f"{name} is not finite")
