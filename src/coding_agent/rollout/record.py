"""Writing down what the sandbox said: its values become event values, whatever bytes they hold."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Iterable
from typing import Any, Literal, cast

from coding_agent.events.redact import NO_SECRETS, Secrets
from coding_agent.events.schema import ModelTurn, TestRun
from coding_agent.events.text import escape, unescape, without_addresses
from coding_agent.events.values import Changes, FileChange, FileContent, Frame, ModelToolCall, TestFailure
from coding_agent.policies.base import PolicyReply
from coding_agent.rollout.workspace import Node, Tree
from coding_agent.sandbox.base import ChangeSet, PathChange, TestCaseFailure, TestReport
from coding_agent.tools.dispatch import parse_arguments

INLINE_BYTES = 64 << 10
"""Content above this goes to a blob, so that one line stays readable."""

WriteBlob = Callable[[bytes], str]


def to_turn(
    reply: PolicyReply, *, turn: int, request_digest: str, latency_s: float | None, redacted: int = 0
) -> ModelTurn:
    """A policy's reply as an event: raw arguments kept, and parsed here, by us, once."""
    calls = []
    for call in reply.calls:
        arguments, error = parse_arguments(call.arguments)
        name, raw = escape(call.name), escape(call.arguments)
        calls.append(ModelToolCall(id=escape(call.id), name=name, raw=raw, arguments=arguments, error=error))
    return ModelTurn(
        turn=turn,
        request_digest=request_digest,
        actor=reply.actor,
        content=None if reply.content is None else escape(reply.content),
        calls=tuple(calls),
        extra=reply.extra,
        finish_reason=reply.finish_reason,
        truncated=reply.truncated,
        sampling=reply.sampling,
        usage=reply.usage,
        tokens=reply.tokens,
        mixture=reply.mixture,
        retries=reply.retries,
        latency_s=latency_s,
        redacted=redacted,
    )


class ChangeRecorder:
    """Turns one episode's change sets into event values; remembers which paths the log already explains."""

    def __init__(
        self, base: Tree, write_blob: WriteBlob, explained: Iterable[str] = (), *, secrets: Secrets = NO_SECRETS
    ) -> None:
        """`explained`: paths, as the log writes them, whose base content earlier events already hold."""
        self.secrets = secrets
        known = {unescape(path) for path in explained}
        self._unexplained = {path: node for path, node in base.items() if path not in known}
        self._write_blob = write_blob

    def record(self, found: ChangeSet) -> Changes:
        """Large content goes to blobs first. Raises StoreError."""
        return Changes(files=tuple(self._change(change) for change in found.files), tree=found.tree)

    def _change(self, change: PathChange) -> FileChange:
        before, _ = self.secrets.scrub(self._unexplained.pop(change.path, None))
        content = FileContent()
        if change.data is not None:
            node = Node(data=change.data, symlink=change.kind == "symlink")
            content = to_content(node, self._write_blob)
        return FileChange(
            path=escape(change.path),
            kind=change.kind,
            executable=change.executable,
            text=content.text,
            base64=content.base64,
            blob=content.blob,
            before=None if before is None else to_content(before, self._write_blob),
        )


def to_test_run(
    report: TestReport,
    *,
    purpose: Literal["agent", "grade"],
    command: tuple[str, ...],
    tree: str,
    call: str | None = None,
    expected: tuple[str, ...] = (),
    changes: Changes | None = None,
    tampering: tuple[str, ...] = (),
    latency_s: float | None = None,
    redacted: int = 0,
) -> TestRun:
    """A test report as an event."""
    return TestRun(
        purpose=purpose,
        call=call,
        command=command,
        expected=expected,
        outcomes=cast("dict[str, Any]", {escape(test): outcome for test, outcome in report.outcomes.items()}),
        exit_status=report.exit_status,
        timed_out=report.timed_out,
        running=None if report.running is None else escape(report.running),
        failures=tuple(map(_to_failure, report.failures)),
        output=without_addresses(escape(report.output)),
        tampering=tampering,
        sentinel=report.sentinel,
        test_digests={escape(path): digest for path, digest in report.digests.items()},
        tree=tree,
        changes=changes,
        latency_s=latency_s,
        redacted=redacted,
    )


def _to_failure(failure: TestCaseFailure) -> TestFailure:
    return TestFailure(
        test=escape(failure.test),
        file=escape(failure.file),
        line=failure.line,
        exception=escape(failure.exception),
        message=without_addresses(escape(failure.message)),
        frames=tuple(Frame(file=escape(f.file), line=f.line, function=escape(f.function)) for f in failure.frames),
    )


def to_content(node: Node, write_blob: WriteBlob) -> FileContent:
    """A file's content as an event value."""
    if node.symlink:
        return FileContent(symlink=True, text=escape(node.data.decode("utf-8", "surrogateescape")))
    if len(node.data) > INLINE_BYTES:
        return FileContent(executable=node.executable, blob=write_blob(node.data))
    try:
        return FileContent(executable=node.executable, text=node.data.decode())
    except UnicodeDecodeError:
        return FileContent(executable=node.executable, base64=b64encode(node.data).decode())
