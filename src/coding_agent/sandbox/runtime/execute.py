"""Commands: one program, its output captured from both ends."""

from __future__ import annotations

import os
import re
from typing import Any

from .capture import Capture
from .process import run

WORKSPACE = re.compile(rb"(?<![\w.~-])/workspace(?![\w.~-])")


def execute(argv: list[str], timeout_s: float, output_bytes: int, config: dict[str, Any]) -> dict[str, Any]:
    """Run `argv` to its end or to the timeout."""
    hidden = os.fsencode(config["hidden"])
    capture = Capture(output_bytes, hidden)
    words = [os.fsencode(word) for word in argv]
    if hidden:
        root = os.fsencode(config["root"])
        words = [WORKSPACE.sub(lambda _: root, word) for word in words]

    def main(_: dict[str, int]) -> int:
        try:
            os.execvpe(words[0], words, dict(os.environ))
        except OSError as error:
            missing = isinstance(error, FileNotFoundError)
            reason = "command not found" if missing else error.strerror
            os.write(2, words[0] + (": %s\n" % reason).encode())
            return 127 if missing else 126

    ended = run(main, {"out": capture}, config, timeout_s)
    return {**capture.result(), "exit_status": ended.status, "timed_out": ended.timed_out}
