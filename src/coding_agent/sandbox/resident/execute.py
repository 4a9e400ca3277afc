"""Commands: one program, its output captured from both ends."""

from __future__ import annotations

import os
from typing import Any, Dict, List

from .capture import Capture
from .process import run


def execute(argv: List[str], timeout_s: float, output_bytes: int, config: Dict[str, Any]) -> Dict[str, Any]:
    """Run `argv` to its end or to the timeout."""
    capture = Capture(output_bytes)

    def main(_: Dict[str, int]) -> int:
        try:
            os.execvpe(argv[0], argv, dict(os.environ))
        except OSError as error:
            os.write(2, ("%s: %s\n" % (argv[0], error.strerror)).encode("utf-8", "surrogateescape"))
            return 127

    ended = run(main, {"out": capture}, config, timeout_s)
    return {**capture.result(), "exit_status": ended.status, "timed_out": ended.timed_out}
