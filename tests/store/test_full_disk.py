"""A disk that is really full: a small memory file system, mounted in a namespace of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from coding_agent.store.writer import Durability

_FILL = """
import os, sys
sys.path[:0] = {paths!r}
from pathlib import Path
from coding_agent.errors import StoreError, WriterPoisoned
from coding_agent.store.blobs import BlobStore
from coding_agent.store.reader import verify
from coding_agent.store.recover import recover
from coding_agent.store.writer import LogWriter
from tests.samples import START, turn
folder = Path({folder!r})
log = LogWriter.create(folder / "a.jsonl", durability={durability!r})
try:
    log.append(START)
    for number in range(1, 1000):
        log.append(turn(number, content="x" * 5000))
except WriterPoisoned as error:
    print("poisoned:", "No space left" in str(error) or "short write" in str(error))
acknowledged = log.events
try:
    log.append(turn(acknowledged))
except WriterPoisoned:
    print("still poisoned")
log.close()
try:
    BlobStore(folder / "blobs").put(os.urandom(100_000))
except StoreError as error:
    print("blob refused:", "No space left" in str(error))
print("left over:", sorted(each.name for each in folder.rglob("*") if each.is_file()))
os.unlink(folder / "ballast")
if verify(folder / "a.jsonl").condition == "torn":
    recover(folder / "a.jsonl")
print("kept:", verify(folder / "a.jsonl").events == acknowledged > 10)
with LogWriter.reopen(folder / "a.jsonl") as log:
    log.append(turn(acknowledged))
print("goes on")
"""


@pytest.mark.parametrize("durability", ["event", "group", "none"])
def test_a_full_disk_ends_the_writer_and_loses_nothing(tmp_path: Path, durability: Durability) -> None:
    program = _FILL.format(paths=sys.path, folder=str(tmp_path), durability=durability)
    # Room for the log, and as much again that is given back later, so that the original can be kept aside.
    mount = f"mount -t tmpfs -o size=512k none {tmp_path} && head -c 300000 /dev/zero > {tmp_path}/ballast"
    if subprocess.run(["unshare", "-Urm", "sh", "-c", mount], capture_output=True, check=False).returncode:
        pytest.skip("a small file system can not be mounted here: unprivileged namespaces are denied")
    line = f'{mount} && exec "$@"'
    command = ["unshare", "-Urm", "sh", "-c", line, "sh", sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    expected = [
        "poisoned: True",
        "still poisoned",
        "blob refused: True",
        "left over: ['a.jsonl', 'ballast']",
        "kept: True",
        "goes on",
    ]
    assert done.stdout.splitlines() == expected, done.stderr
