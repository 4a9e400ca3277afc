"""What people read goes to stderr, through rich; with `--json` stdout gets one JSON document and nothing else."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import re
import sys
from collections.abc import Iterable, Iterator
from typing import Any, NoReturn

import attrs
import orjson
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from coding_agent.errors import UsageError
from coding_agent.events.text import representable

_ACTS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
"""What a terminal does not show but obeys: control characters, and those that turn the direction of a line."""


class _Inert(Console):
    """Logs hold whatever models and programs wrote: none of it may move a cursor, set a title or hide a line."""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        for segment in super().render(renderable, options):
            if segment.control is None and _ACTS.search(segment.text):
                yield Segment(_ACTS.sub(_shown, segment.text), segment.style)
            else:
                yield segment


def _shown(found: re.Match[str]) -> str:
    return ascii(found[0])[1:-1]


class _Out(_Inert):
    """Rich would exit with 1, which says that something differs."""

    def on_broken_pipe(self) -> NoReturn:
        raise BrokenPipeError(errno.EPIPE, "nobody reads stdout")


class _Err(_Inert):
    """Whoever watched may have left, and the work goes on."""

    def on_broken_pipe(self) -> None:
        self.quiet = True

    def print(self, *objects: Any, **options: Any) -> None:
        with contextlib.suppress(OSError):
            super().print(*objects, **options)


out = _Out(highlight=False, soft_wrap=True)
"""For what was asked for, when it was not asked for as JSON."""
wide = _Out(highlight=False, width=240)
"""The same for tables whose columns are kept whole, however narrow the terminal: a cut name says nothing."""
err = _Err(stderr=True, highlight=False, soft_wrap=True)


class ErrLogger:
    """The operational log, beside and not across what else is on stderr."""

    def msg(self, message: str) -> None:
        err.print(message, markup=False)

    debug = info = warning = error = critical = exception = log = msg


def prepare_streams() -> None:
    """An encoding that lacks a character costs the character, not the command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def settle_streams() -> None:
    """What a stream still holds and nobody takes is dropped, or the interpreter would complain of it at its end."""
    for number, stream in ((1, sys.stdout), (2, sys.stderr)):
        try:
            if stream is not None:
                stream.flush()
        except (OSError, ValueError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, number)
            os.close(nowhere)


@contextlib.contextmanager
def users_code() -> Iterator[None]:
    """What a user's file prints in here, be it through a process that it starts, goes to stderr: it is for people."""
    if sys.stdout is not None:
        sys.stdout.flush()
    with contextlib.ExitStack() as stack:
        stack.enter_context(contextlib.redirect_stdout(sys.stderr))
        with contextlib.suppress(OSError):  # one of the two is closed
            kept = os.dup(1)
            stack.callback(os.close, kept)
            os.dup2(2, 1)
            stack.callback(os.dup2, kept, 1)
        if (original := sys.__stdout__) is not None:
            stack.callback(original.flush)
        yield


def print_json(value: Any) -> None:
    """One JSON document on stdout. A value's `message`, its line for people, goes with its fields.

    What UTF-8 can not hold, the name of a file for one, is escaped as in a log: `events.text.unescape` undoes it.
    """
    write_bytes(orjson.dumps(_plain(value), option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def write_bytes(data: bytes) -> None:
    """What programs read, as it is. Raises UsageError when there is no stdout."""
    if sys.stdout is None:
        raise UsageError("stdout is closed")
    sys.stdout.buffer.write(data)
    sys.stdout.flush()


def _plain(value: Any) -> Any:
    if attrs.has(type(value)):
        told = isinstance(getattr(type(value), "message", None), property)
        names = [*attrs.fields_dict(type(value)), *(["message"] if told else [])]
        return {name: _plain(getattr(value, name)) for name in names}
    if isinstance(value, dict):
        return {representable(str(key)): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value if isinstance(value, int | float | bool | None) else representable(str(value))


def on_one_line(text: str) -> str:
    """A name of several lines must not look like lines of a report."""
    return text.replace("\n", "\\n")
