"""Searching: real ripgrep over the workspace. Ignore files are not honoured; `tree.IGNORED` names are left out."""

from __future__ import annotations

import base64
import json
import os
import selectors
import subprocess
import time
from typing import Any

from .paths import open_directory, open_parent, parts_of
from .refuse import Refuse
from .tree import IGNORED

MAX_BYTES = 16 << 20
MAX_TEXT = 500


def search(root: str, request: dict[str, Any], rg: str) -> dict[str, Any]:
    """Matches sorted by path, then line."""
    path = "/".join(parts_of(request["path"])) or "."
    _require(root, path)
    command = [rg, "--json", "--no-config", "--no-ignore", "--hidden", "--sort", "path", "--no-messages"]
    command += ["--ignore-case"] if request["ignore_case"] else []
    command += ["--glob", request["glob"]] if request["glob"] else []
    for name in sorted(IGNORED):
        command += ["--glob", "!**/" + name]
    command += ["--glob", "!*.pyc", "-e", request["pattern"], "--", path]
    raw, timed_out, status, errors = _run(command, root, request["timeout_s"])
    if status == 2 and not raw.strip():
        raise Refuse("bad_pattern", request["pattern"], errors)
    rows = _rows(raw)
    return {"matches": rows[: request["max_matches"]], "omitted": max(0, len(rows) - request["max_matches"]),
            "timed_out": timed_out}  # fmt: skip


def _require(root: str, path: str) -> None:
    try:
        os.close(open_directory(root, parts_of(path), path))
    except Refuse as refused:
        if refused.code != "not_directory":
            raise
        parent, name = open_parent(root, path)
        try:
            os.stat(name, dir_fd=parent, follow_symlinks=False)
        finally:
            os.close(parent)


def _run(command: list[str], root: str, timeout_s: float) -> tuple[bytes, bool, int | None, str]:
    deadline = time.monotonic() + timeout_s
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, cwd=root, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe)
    assert process.stdout is not None and process.stderr is not None
    kept = {process.stdout.fileno(): bytearray(), process.stderr.fileno(): bytearray()}
    out = process.stdout.fileno()
    timed_out = False
    with selectors.DefaultSelector() as selector:
        for fd in kept:
            selector.register(fd, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(max(0.0, deadline - time.monotonic()))
            timed_out = not ready
            if timed_out or len(kept[out]) > MAX_BYTES:
                process.kill()
                break
            for key, _ in ready:
                data = os.read(key.fd, 1 << 16)
                kept[key.fd] += data
                if not data:
                    selector.unregister(key.fd)
    status = process.wait()
    process.stdout.close()
    process.stderr.close()
    errors = bytes(kept[max(kept)] if max(kept) != out else kept[min(kept)]).decode("utf-8", "replace")
    return bytes(kept[out]), timed_out, status, errors[:1000]


def _rows(raw: bytes) -> list[dict[str, Any]]:
    rows = []
    for line in raw.split(b"\n"):
        try:
            message = json.loads(line)
        except ValueError:
            continue
        if message["type"] == "match":
            data = message["data"]
            path = os.fsdecode(_bytes(data["path"]))
            text = _bytes(data["lines"]).rstrip(b"\r\n").decode("utf-8", "backslashreplace")
            text = text if len(text) <= MAX_TEXT else text[:MAX_TEXT] + "[line cut]"
            path = path.removeprefix("./")
            rows.append({"path": path, "line": data["line_number"], "text": text})
    return rows


def _bytes(value: dict[str, str]) -> bytes:
    return base64.b64decode(value["bytes"]) if "bytes" in value else value["text"].encode("utf-8")
