"""No secret of the host reaches the sandbox or the log: planted where hosts keep them, looked for in every form."""

from __future__ import annotations

import base64
import binascii
import json
import os
import secrets
import subprocess
import sys
import urllib.parse
from collections.abc import Iterator
from pathlib import Path

import pytest

from coding_agent.events.schema import ToolResult
from coding_agent.store.reader import read_events

ROOT = Path(__file__).parents[2]
PIECE = 12
"""Characters of a secret that give it away; so neither does one that was cut in two by a chunk's or a line's end."""
LOOK = r"""
import glob, os, sys
found = [repr(dict(os.environ)).encode(), repr(sys.orig_argv).encode()]
places = ["/proc/*/environ", "/proc/*/cmdline", "/proc/self/root" + HOME, HOME, os.path.expanduser("~/.netrc")]
for name in [name for place in places for name in glob.glob(place)]:
    try:
        with open(name, "rb") as stream:
            found.append(name.encode() + b": " + stream.read(100000))
    except OSError as error:
        found.append(repr(error).encode())
for fd in range(3, 256):
    try:
        found.append(b"fd %d: " % fd + os.pread(fd, 100000, 0))
    except OSError:
        pass
"""
TELL = 'sys.stdout.buffer.write(b"looked at %d\\n" % len(found)); open("loot.bin", "wb").write(b"\\n".join(found))\n'
TEST = (
    LOOK + 'def test_look():\n    open("test-loot.bin", "wb").write(b"\\n".join(found))\n    assert False, len(found)\n'
)


def forms(secret: str) -> Iterator[bytes]:
    """What the secret looks like: plain, JSON-escaped, quoted for URLs, in hexadecimal, in base64 at each offset."""
    raw = secret.encode()
    yield raw
    yield json.dumps(secret)[1:-1].encode()
    yield urllib.parse.quote(secret, safe="").encode()
    yield binascii.hexlify(raw)
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        for offset in range(3):
            yield encode(raw[offset : offset + (len(raw) - offset) // 3 * 3])


def traces(secret: str, text: bytes) -> list[bytes]:
    """The pieces of the secret, in any form, that are in the text."""
    pieces = {form[at : at + PIECE] for form in forms(secret) for at in range(len(form) - PIECE + 1)}
    return sorted(piece for piece in pieces if piece in text)


def planted(tmp_path: Path, secret: str, *options: str) -> subprocess.CompletedProcess[str]:
    """A roll-out whose harness holds the secret in its environment, home, arguments and an open file."""
    home = tmp_path / "home"
    home.mkdir(mode=0o755)
    (home / ".netrc").write_text(secret)
    look = f"HOME = {str(home / '.netrc')!r}\n{LOOK}"
    calls = [
        ("write_file", {"path": "look.py", "content": look + TELL}),
        ("run_command", {"command": "python look.py; env | base64 -w0; cat /proc/*/environ | od -An -tx1 -w1000 | tr -d ' '"}),
        ("write_file", {"path": "tests/test_look.py", "content": look + TEST}),
        ("run_tests", {"tests": ["tests/test_look.py"]}),
        ("submit", {"status": "blocked", "summary": "Looked."}),
    ]  # fmt: skip
    turns = [{"tool_calls": [{"name": name, "arguments": json.dumps(arguments)}]} for name, arguments in calls]
    (tmp_path / "look.jsonl").write_text("".join(json.dumps(turn) + "\n" for turn in turns))
    with (home / ".netrc").open("rb") as kept:
        os.set_inheritable(kept.fileno(), True)
        return subprocess.run(
            [sys.executable, "-X", f"note={secret}", "-m", "coding_agent.cli.main", "rollout", str(ROOT / "tasks" / "interval-gap"),
             "--policy", f"scripted:{tmp_path}/look.jsonl", "--out", str(tmp_path / "run"), *options],
            env={**os.environ, "HOME": str(home), "API_TOKEN": secret, "OPENAI_API_KEY": secret}, pass_fds=[kept.fileno()],
            capture_output=True, text=True, check=False,
        )  # fmt: skip


def test_no_piece_of_a_secret_in_any_form_reaches_sandbox_or_log(tmp_path: Path) -> None:
    secret = "sk/" + secrets.token_urlsafe(24) + '+"é'
    done = planted(tmp_path, secret)
    log = tmp_path / "run" / "episodes" / "interval-gap" / "0.0.jsonl"
    looked = [event.text for event in read_events(log) if isinstance(event, ToolResult) and "looked at" in event.text]
    assert looked, done.stderr
    kept = {path: path.read_bytes() for path in (tmp_path / "run").rglob("*") if path.is_file()}
    assert any(b"fd " in data or b"/proc/" in data for data in kept.values())
    assert {path: found for path, data in kept.items() if (found := traces(secret, data))} == {}
    assert traces(secret, (done.stdout + done.stderr).encode()) == []


@pytest.mark.parametrize("form", range(10))
def test_a_secret_would_be_found_in_any_form_and_in_halves(form: int) -> None:
    secret = "sk/" + secrets.token_urlsafe(24) + '+"é'
    hidden = list(forms(secret))[form]
    assert traces(secret, b"before " + hidden + b" after")
    assert traces(secret, hidden[: PIECE + 2] + b"\n" + hidden[PIECE + 2 :])
    assert not traces(secret, secrets.token_urlsafe(2000).encode())
