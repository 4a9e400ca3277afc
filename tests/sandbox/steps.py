"""What the tests of this folder say often."""

from __future__ import annotations

import hashlib

import attrs
import pytest

from coding_agent.sandbox.base import ExecResult, PathChange, PathEdit, Refused, Sandbox, TestReport
from tests.patience import PATIENCE_S

needs = pytest.mark.needs


@attrs.frozen
class Steps:
    """Short forms of requests to one sandbox."""

    sandbox: Sandbox

    async def put(self, files: dict[str, str]) -> str:
        changes = [PathChange(path=path, kind="add", data=text.encode()) for path, text in files.items()]
        return await self.sandbox.apply(changes)

    async def sh(self, command: str, timeout_s: float = PATIENCE_S, output_bytes: int = 4000) -> ExecResult:
        return await self.sandbox.exec(["/bin/sh", "-c", command], timeout_s=timeout_s, output_bytes=output_bytes)

    async def says(self, command: str) -> str:
        result = await self.sh(command)
        return (result.head + result.tail).decode().strip()

    async def python(self, program: str, timeout_s: float = PATIENCE_S) -> str:
        result = await self.sandbox.exec(["python3", "-c", program], timeout_s=timeout_s, output_bytes=4000)
        return (result.head + result.tail).decode().strip()

    async def tests(self, *args: str, timeout_s: float = PATIENCE_S) -> TestReport:
        return await self.sandbox.test(args, timeout_s=timeout_s)

    async def changed(self) -> dict[str, str]:
        """Path → kind."""
        return {change.path: change.kind for change in (await self.sandbox.changes()).files}

    async def text(self, path: str) -> str:
        return (await self.sandbox.read(path, max_bytes=1 << 20)).data.decode()

    async def refusal_of_reading(self, path: str) -> str:
        try:
            await self.sandbox.read(path, max_bytes=10)
        except Refused as refused:
            return refused.code
        return "read"

    async def refusal_of_editing(self, *edits: PathEdit) -> str:
        try:
            await self.sandbox.edit(edits)
        except Refused as refused:
            return refused.code
        return "edited"


def sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def write(path: str, text: str, expected: str | None = "any") -> PathEdit:
    return PathEdit(path=path, data=text.encode(), expected_sha256=expected)


def delete(path: str) -> PathEdit:
    return PathEdit(path=path, data=None, expected_sha256="any")
