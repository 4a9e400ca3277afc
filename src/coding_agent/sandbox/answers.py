"""Checking what a runtime answered, field by field. Whatever is not as specified is SandboxProtocol."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeVar, get_args

from coding_agent.errors import SandboxProtocol
from coding_agent.sandbox.base import (
    ChangeSet,
    Entry,
    ExecResult,
    FileRead,
    Listing,
    Match,
    PathChange,
    RefusalCode,
    Refused,
    SearchResult,
    TestCaseFailure,
    TestFrame,
    TestReport,
)

T = TypeVar("T")
Answer = Mapping[str, Any]
OUTCOMES = frozenset({"passed", "failed", "error", "skipped", "xfailed", "xpassed"})
MAX_TEXT = 4000


def _field(answer: Any, key: str, kind: type[T]) -> T:
    value = answer.get(key) if isinstance(answer, Mapping) else None
    if type(value) is not kind:
        raise SandboxProtocol(f"{key}: expected {kind.__name__}, found {str(value)[:100]!r}")
    return value


def text(answer: Answer, key: str) -> str:
    return _field(answer, key, str)


def integer(answer: Answer, key: str) -> int:
    value = _field(answer, key, int)
    if abs(value) > 2**53:
        raise SandboxProtocol(f"{key}: expected an integer within ±2^53, found {value}")
    return value


def _many(answer: Answer, key: str, make: Callable[[Answer], T]) -> tuple[T, ...]:
    return tuple(make(row) for row in _field(answer, key, list))


def _optional(answer: Answer, key: str, kind: type[T]) -> T | None:
    return None if answer.get(key) is None else _field(answer, key, kind)


def refused(answer: Answer) -> Refused:
    code = text(answer, "code")
    if code not in get_args(RefusalCode):
        raise SandboxProtocol(f"code: expected a refusal, found {code[:100]!r}")
    return Refused(code, text(answer, "path")[:MAX_TEXT], text(answer, "detail")[:MAX_TEXT])  # type: ignore[arg-type]


def file_read(answer: Answer) -> FileRead:
    return FileRead(
        data=_field(answer, "data", bytes),
        size=integer(answer, "size"),
        sha256=text(answer, "sha256"),
        executable=_field(answer, "executable", bool),
    )


def listing(answer: Answer) -> Listing:
    return Listing(entries=_many(answer, "entries", _entry), omitted=integer(answer, "omitted"))


def _entry(row: Answer) -> Entry:
    kind = text(row, "kind")
    if kind not in {"file", "directory", "symlink", "special"}:
        raise SandboxProtocol(f"kind: expected a kind of entry, found {kind[:100]!r}")
    return Entry(path=text(row, "path"), kind=kind, size=integer(row, "size"), target=text(row, "target"))  # type: ignore[arg-type]


def search_result(answer: Answer) -> SearchResult:
    def match(row: Answer) -> Match:
        return Match(path=text(row, "path"), line=integer(row, "line"), text=text(row, "text"))

    timed_out = _field(answer, "timed_out", bool)
    return SearchResult(
        matches=_many(answer, "matches", match), omitted=integer(answer, "omitted"), timed_out=timed_out
    )


def change_set(answer: Answer) -> ChangeSet:
    return ChangeSet(files=_many(answer, "files", _change), tree=text(answer, "tree"))


def _change(row: Answer) -> PathChange:
    kind = text(row, "kind")
    if kind not in {"add", "modify", "delete", "mode", "symlink"}:
        raise SandboxProtocol(f"kind: expected a kind of change, found {kind[:100]!r}")
    data = _optional(row, "data", bytes)
    executable = _field(row, "executable", bool)
    return PathChange(path=text(row, "path"), kind=kind, data=data, executable=executable)  # type: ignore[arg-type]


def exec_result(answer: Answer) -> ExecResult:
    return ExecResult(
        head=_field(answer, "head", bytes),
        tail=_field(answer, "tail", bytes),
        total_bytes=integer(answer, "total_bytes"),
        sha256=text(answer, "sha256"),
        exit_status=_optional(answer, "exit_status", int),
        timed_out=_field(answer, "timed_out", bool),
    )


def test_report(answer: Answer) -> TestReport:
    outcomes = _field(answer, "outcomes", dict)
    digests = _field(answer, "digests", dict)
    if not all(isinstance(test, str) and outcome in OUTCOMES for test, outcome in outcomes.items()):
        raise SandboxProtocol("outcomes: expected outcomes by test id")
    if not all(isinstance(path, str) and isinstance(sha, str) for path, sha in digests.items()):
        raise SandboxProtocol("digests: expected SHA-256 by path")
    return TestReport(
        outcomes=outcomes,
        failures=_many(answer, "failures", _failure),
        exit_status=_optional(answer, "exit_status", int),
        timed_out=_field(answer, "timed_out", bool),
        running=_optional(answer, "running", str),
        output=text(answer, "output"),
        digests=digests,
        sentinel=_optional(answer, "sentinel", str),
        forged=integer(answer, "forged"),
    )


test_report.__test__ = False  # type: ignore[attr-defined]


def _failure(row: Answer) -> TestCaseFailure:
    return TestCaseFailure(
        test=text(row, "test")[:MAX_TEXT],
        file=text(row, "file")[:MAX_TEXT],
        line=integer(row, "line"),
        exception=text(row, "exception")[:200],
        message=text(row, "message").partition("\n")[0][:500],
        frames=_many(row, "frames", _frame)[:20],
    )


def _frame(row: Answer) -> TestFrame:
    return TestFrame(file=text(row, "file")[:MAX_TEXT], line=integer(row, "line"), function=text(row, "function")[:200])
