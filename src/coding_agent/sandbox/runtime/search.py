"""Searching: real ripgrep over the workspace. Ignore files are not honoured; `tree.IGNORED` names are left out."""

from __future__ import annotations

import base64
import json
import os
import select
import time
from typing import Any, Dict, List, Tuple

from . import confine
from .paths import open_directory, open_file, open_parent, parts_of
from .refuse import Refuse
from .tree import IGNORED

MAX_BYTES = 256 << 20
"""Of ripgrep's answer; a search that says more counts as one that did not end."""
MAX_TEXT = 500


class Matches:
    """Reads ripgrep's JSON lines as they come; keeps the first `most`, and counts the others."""

    def __init__(self, most: int) -> None:
        self._most, self._rest = most, b""
        self.rows: List[Dict[str, Any]] = []
        self.total, self.seen = 0, 0

    def feed(self, data: bytes) -> None:
        self.seen += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            if line.startswith(b'{"type":"match"'):
                self.total += 1
                if len(self.rows) < self._most:
                    self.rows.append(_row(json.loads(line)["data"]))


def search(config: Dict[str, Any], request: Dict[str, Any]) -> Dict[str, Any]:
    """Matches sorted by path, then line. Raises Refuse."""
    root = config["root"]
    path = "/".join(parts_of(request["path"])) or "."
    _require(root, path)
    command = [
        config["rg"],
        "--json",
        "--no-config",
        "--no-ignore",
        "--hidden",
        "--sort",
        "path",
        "--no-messages",
        "--no-mmap",
    ]
    command += ["--ignore-case"] if request["ignore_case"] else []
    command += ["--glob", _argument(request["glob"])] if request["glob"] else []
    for name in sorted(IGNORED):
        command += ["--glob", "!**/" + name]
    command += ["--glob", "!*.pyc", "--regexp", _argument(request["pattern"]), "--", "./" + path]
    matches = Matches(request["max_matches"])
    timed_out, status, errors = _run(command, config, request["timeout_s"], matches)
    if status == 2 and not matches.seen:
        raise Refuse("bad_pattern", request["pattern"], errors)
    return {"matches": matches.rows, "omitted": matches.total - len(matches.rows), "timed_out": timed_out}


def _argument(text: str) -> str:
    try:
        raw = os.fsencode(text)
    except UnicodeEncodeError:
        raise Refuse("bad_pattern", text.encode("utf-8", "backslashreplace").decode(), "not valid text") from None
    if b"\0" in raw:
        raise Refuse("bad_pattern", text.replace("\0", "\\0"), "a pattern can not hold NUL")
    return text


def _require(root: str, path: str) -> None:
    """Nothing but a directory or a regular file is searched, and nothing through a symlink."""
    try:
        os.close(open_directory(root, parts_of(path), path))
    except Refuse as refused:
        if refused.code != "not_directory":
            raise
        parent, name = open_parent(root, path)
        try:
            os.close(open_file(parent, name, path))
        finally:
            os.close(parent)


def _run(command: List[str], config: Dict[str, Any], timeout_s: float, matches: Matches) -> Tuple[bool, int, str]:
    import subprocess  # only here, because its import is a tenth of the runtime's start

    deadline = time.monotonic() + timeout_s
    pipe = subprocess.PIPE

    def confined() -> None:
        # ripgrep is ours, but what it reads is not.
        confine.limit(config)
        confine.drop(config["namespaces"], keep=confine.READ_ANYTHING)

    process = subprocess.Popen(
        command, cwd=config["root"], stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, preexec_fn=confined
    )
    assert process.stdout is not None
    assert process.stderr is not None
    out, errors, open_fds = process.stdout.fileno(), bytearray(), 2
    timed_out = False
    poll = select.poll()
    for fd in (out, process.stderr.fileno()):
        poll.register(fd, select.POLLIN)
    while open_fds and not timed_out:
        left = deadline - time.monotonic()
        for fd, _ in poll.poll(max(0.0, left) * 1000):
            data = os.read(fd, 1 << 16)
            if not data:
                poll.unregister(fd)
                open_fds -= 1
            elif fd == out:
                matches.feed(data)
            else:
                errors += data[: 1000 - len(errors)]
        timed_out = open_fds > 0 and (left <= 0 or matches.seen > MAX_BYTES)
    if timed_out:
        process.kill()
    status = process.wait()
    process.stdout.close()
    process.stderr.close()
    return timed_out, status, errors.decode("utf-8", "replace")


def _row(data: Dict[str, Any]) -> Dict[str, Any]:
    path = os.path.normpath(os.fsdecode(_bytes(data["path"])))
    text = _bytes(data["lines"]).rstrip(b"\r\n").decode("utf-8", "backslashreplace")
    text = text if len(text) <= MAX_TEXT else text[:MAX_TEXT] + "[line cut]"
    return {"path": path, "line": data["line_number"] or 0, "text": text}


def _bytes(value: Dict[str, str]) -> bytes:
    return base64.b64decode(value["bytes"]) if "bytes" in value else value["text"].encode("utf-8")
