"""Searching: real ripgrep over the workspace. Ignore files are not honoured; `tree.IGNORED` names are left out."""

from __future__ import annotations

import base64
import json
import os
import re
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


HEAD = 64 << 10
"""Of one of ripgrep's lines: a single match in a file without newlines may take a hundred megabytes to tell."""
_MATCH = b'{"type":"match","data":{"path":'
_NUMBER = b'"},"line_number":'
"""What follows the text of a line. Quotes within the text are escaped, so this is never part of it."""
_CUT_ESCAPE = re.compile(r"(\\+)(?:u[0-9a-f]{0,3})?$")


class Matches:
    """Reads ripgrep's JSON lines as they come; keeps the first `most`, and counts the others."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._head, self._size, self._window = bytearray(), 0, b""
        self.rows: List[Dict[str, Any]] = []
        self.total, self.seen = 0, 0

    def feed(self, data: bytes) -> None:
        self.seen += len(data)
        *lines, rest = data.split(b"\n")
        for line in lines:
            self._more(line)
            self._end()
        self._more(rest)

    def _more(self, data: bytes) -> None:
        self._size += len(data)
        self._head += data[: HEAD - len(self._head)]
        if self._size <= HEAD or not _number(self._window):
            self._window = self._window[-64:] + data

    def _end(self) -> None:
        if self._head.startswith(_MATCH):
            self.total += 1
            if len(self.rows) < self._most:
                whole = self._size <= HEAD
                self.rows.append(_row(json.loads(self._head)["data"] if whole else self._beginning()))
        self._head, self._size, self._window = bytearray(), 0, b""

    def _beginning(self) -> Dict[str, Any]:
        """What the beginning of a match says, with more of its line than is shown."""
        text = self._head.decode("utf-8", "ignore")
        path, end = json.JSONDecoder().raw_decode(text, len(_MATCH))
        kind, _, line = text[end + len(',"lines":{"') :].partition('":"')
        line = line[: 12 * MAX_TEXT]
        cut = _CUT_ESCAPE.search(line)
        if cut is not None and len(cut[1]) % 2:
            line = line[: cut.end(1) - 1]
        shown = {kind: line if kind == "bytes" else json.loads('"' + line + '"')}
        return {"path": path, "lines": shown, "line_number": _number(bytes(self._head)) or _number(self._window)}


def _number(data: bytes) -> int:
    """The line number that is told in `data`, or 0."""
    number, comma, _ = data.partition(_NUMBER)[2].partition(b",")
    return int(number) if comma and number.isdigit() else 0


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
