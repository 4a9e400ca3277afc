"""A command on a real terminal: a pseudo-terminal of a known size, and all that was written to it."""

from __future__ import annotations

import errno
import os
import pty
import re
import subprocess
import termios
from pathlib import Path

import attrs

ESCAPES = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07]*\x07")
_DECIDES = ("NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE", "COLUMNS", "LINES", "COLORTERM")


@attrs.frozen
class Screen:
    """What a terminal got."""

    code: int
    raw: str

    @property
    def text(self) -> str:
        """Without colours and movements of the cursor."""
        return ESCAPES.sub("", self.raw).replace("\r", "")


def on_a_terminal(*command: object, cwd: Path, columns: int = 100, **environment: str) -> Screen:
    """Run a command whose stdin, stdout and stderr are a terminal, and read until it ends."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (40, columns))
    kept = {name: value for name, value in os.environ.items() if name not in _DECIDES}
    process = subprocess.Popen(
        [*map(str, command)], cwd=cwd, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        env={**kept, "TERM": "xterm-256color", **environment},
    )  # fmt: skip
    os.close(theirs)
    raw = b"".join(iter(lambda: _piece(ours), b""))
    os.close(ours)
    return Screen(process.wait(), raw.decode())


def _piece(fd: int) -> bytes:
    try:
        return os.read(fd, 1 << 16)
    except OSError as error:
        # So Linux says that nobody has the other end any more.
        if error.errno != errno.EIO:
            raise
        return b""
