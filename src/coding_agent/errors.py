"""Every exception this package raises on purpose.

    CodingAgentError
    ├── UsageError            the caller asked for something impossible; the message says what to do instead
    ├── EventError            a value cannot be an event, or events are not a legal episode
    │   ├── EncodeError       our own value breaks the rules (NaN, an integer beyond 2^53 …)
    │   ├── DecodeError       bytes are not the event they claim to be; names the JSON path
    │   ├── UnknownEvent      a type or format version that this release does not know
    │   └── IllegalSequence   an event that may not stand where it stands; names the seq
    ├── StoreError            a log, blob or manifest on disk
    │   ├── LogDamaged        bytes that were written whole, or durable, are not what was written
    │   ├── LogTorn           the tail was never completely written; `recover` cuts it
    │   ├── LogIncompatible   written by a format that this release does not know
    │   ├── StoreUnreadable   the system does not let it be read; what is in it is not judged
    │   └── StoreUnwritable   the system does not let it be written; what is in it is not judged
    │       ├── LogLocked       another process is writing this log
    │       └── WriterPoisoned  an earlier I/O error ended this writer for good
    ├── TaskError             a task on disk is not a task; names file, key, expected, found
    ├── SandboxError          the sandbox itself failed: never the agent's fault, never a reward
    │   ├── SandboxUnavailable  this host cannot keep the promises; says which, why and the remedy
    │   ├── SandboxDied         the runtime went away in the middle of an episode
    │   └── SandboxProtocol     the runtime answered something that is not an answer
    └── PolicyError           the policy could not answer: a script that ran out, a bug, a refusal of its server
        └── PolicyUnavailable   its server is away or overloaded, however often it was asked: infrastructure

A failure of a tool, a policy or the infrastructure *inside* an episode becomes an event at one boundary
(`rollout.episode`); only bugs travel further.
"""

from collections.abc import Iterator
from contextlib import contextmanager


class CodingAgentError(Exception):
    """Base of all errors raised on purpose."""


class UsageError(CodingAgentError):
    """The caller asked for something impossible."""


class EventError(CodingAgentError):
    """A value cannot be an event, or events are not a legal episode."""


class EncodeError(EventError):
    """Our own value breaks the rules of the log."""

    def __init__(self, path: str, expected: str, found: object) -> None:
        self.path, self.expected, self.found = path, expected, found
        super().__init__(f"{path}: expected {expected}, found {found!r}")


class DecodeError(EventError):
    """Bytes are not the event they claim to be."""

    def __init__(self, path: str, expected: str, found: object) -> None:
        self.path, self.expected, self.found = path, expected, found
        super().__init__(f"{path}: expected {expected}, found {found!r}")


class UnknownEvent(EventError):
    """A type or format version that this release does not know."""


class IllegalSequence(EventError):
    """An event that may not stand where it stands."""

    def __init__(self, seq: int, message: str) -> None:
        self.seq = seq
        super().__init__(f"event {seq}: {message}")


class StoreError(CodingAgentError):
    """A log, blob or manifest on disk. `file`, `line` (1-based) and `byte` (offset) say where, when known; `what` is
    the message without the place."""

    def __init__(self, file: str, message: str, *, line: int | None = None, byte: int | None = None) -> None:
        self.file, self.line, self.byte, self.what = file, line, byte, message
        place = file + (f", line {line}" if line is not None else "") + (f", byte {byte}" if byte is not None else "")
        super().__init__(f"{place}: {message}")


class LogDamaged(StoreError):
    """Bytes that were written whole, or durable, are not what was written."""


class LogTorn(StoreError):
    """The tail was never completely written."""


class LogIncompatible(StoreError):
    """Written by a format that this release does not know."""


class StoreUnreadable(StoreError):
    """The system does not let it be read."""


class StoreUnwritable(StoreError):
    """The system does not let it be written."""


class LogLocked(StoreUnwritable):
    """Another process is writing this log."""


class WriterPoisoned(StoreUnwritable):
    """An earlier I/O error ended this writer for good."""


class TaskError(CodingAgentError):
    """A task on disk is not a task."""

    def __init__(self, file: str, key: str, expected: str, found: object) -> None:
        self.file, self.key, self.expected, self.found = file, key, expected, found
        place = f"{file}: {key}" if key else file
        super().__init__(f"{place}: expected {expected}, found {found}")


class SandboxError(CodingAgentError):
    """The sandbox itself failed."""


class SandboxUnavailable(SandboxError):
    """This host cannot keep the sandbox's promises."""

    def __init__(self, promise: str, reason: str, remedy: str) -> None:
        self.promise, self.reason, self.remedy = promise, reason, remedy
        super().__init__(f"{promise}: {reason}\nremedy: {remedy}")


class SandboxDied(SandboxError):
    """The runtime went away in the middle of an episode."""


class SandboxProtocol(SandboxError):
    """The runtime answered something that is not an answer."""


class PolicyError(CodingAgentError):
    """The policy could not answer."""


class PolicyUnavailable(PolicyError):
    """The policy's server is away or overloaded, however often it was asked."""


@contextmanager
def ungrouped() -> Iterator[None]:
    """Of a task group's errors, which were all raised on purpose, the first travels on alone; a bug keeps the group."""
    try:
        yield
    except ExceptionGroup as group:
        _, bugs = group.split(CodingAgentError)
        if bugs is not None:
            raise
        first: BaseException = group
        while isinstance(first, BaseExceptionGroup):
            first = first.exceptions[0]
        raise first from group
