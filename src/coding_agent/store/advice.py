"""What to do about a log, manifest or blob: one table, whoever asks. Where a command does it, it is named in full."""

from __future__ import annotations

import shlex
import tomllib
from pathlib import Path
from typing import Literal

import attrs

from coding_agent.store.disk import REAL_DISK

LONG = 1 << 20
"""Bytes of a run.toml that are looked at."""
LogCondition = Literal["sealed", "incomplete", "torn", "damaged", "incompatible", "missing", "unreadable"]
FileKind = Literal["log", "manifest", "blob", "folder"]
Condition = Literal[LogCondition, "empty", "lacking", "doubtful"]
"""`empty`: torn, and nothing to keep; `lacking`: incomplete, and can not go on without its blobs; `doubtful`: torn or
incomplete, and perhaps it was sealed."""


@attrs.frozen(kw_only=True)
class Advice:
    """`command`: the arguments of `coding-agent` that do it; none where no command can."""

    text: str
    """With the command in it, ready to be typed."""
    command: tuple[str, ...] = ()


COPY = "restore the file from a copy; no command changes what was durable"
BLOB = "restore the file from a copy; files and patch of that episode can not be rebuilt without it"
NEWER = "read it with the release that wrote it, or a newer one"
CUT = "`{}` cuts the unfinished tail and keeps the original beside it"
LACKING = "restore the blobs that it names first; then it can go on"
DOUBT = "put right what is wrong with the manifest first; until then it can not be known whether this log was sealed"
ANEW = "`{}` writes what is wrong anew from the logs, and keeps the original"
UNNAMED = "`{}` names them there; until then nothing notices when one of them is gone. While the run goes on: wait"
UNREAD = (
    "it was not judged, since the system does not let it be read; where a right is lacking: run as its owner, or "
    "as its owner `chmod u+rX` it and its folders"
)
NO_RUN = "restore run.toml from a copy, without which this is no run directory; then recover the directory"

# By kind, condition, and whether it is part of a run directory. In a command LOG stands for the file, RUN for the
# directory; in a text {} stands for the command.
TABLE: dict[tuple[FileKind, Condition, bool], tuple[str, tuple[str, ...]]] = {
    ("log", "sealed", False): ("nothing: every byte is as it was written", ()),
    ("log", "sealed", True): ("nothing: every byte is as it was written", ()),
    ("log", "incomplete", False): ("what is there is intact: `{}` derives it as far as it goes", ("replay", "LOG")),
    ("log", "incomplete", True): ("it was killed, or still runs; `{}` goes on with what is there", ("resume", "RUN")),
    ("log", "lacking", False): (LACKING, ()),
    ("log", "lacking", True): (LACKING, ()),
    ("log", "torn", False): (CUT, ("recover", "LOG")),
    ("log", "torn", True): (CUT, ("recover", "LOG")),
    ("log", "empty", False): ("delete the file: no event was ever written", ()),
    ("log", "empty", True): ("no event was ever written; `{}` begins the episode anew", ("resume", "RUN")),
    ("log", "doubtful", False): (DOUBT, ()),
    ("log", "doubtful", True): (DOUBT, ()),
    ("log", "damaged", False): (COPY, ()),
    ("log", "damaged", True): (COPY, ()),
    ("log", "incompatible", False): (NEWER, ()),
    ("log", "incompatible", True): (NEWER, ()),
    ("log", "missing", False): ("restore the file from a copy", ()),
    ("log", "missing", True): ("restore the file from a copy: the manifest says that it was sealed", ()),
    ("log", "unreadable", False): (UNREAD, ()),
    ("log", "unreadable", True): (UNREAD, ()),
    ("manifest", "incomplete", False): (NO_RUN, ()),
    ("manifest", "incomplete", True): (UNNAMED, ("recover", "RUN")),
    ("manifest", "torn", False): (NO_RUN, ()),
    ("manifest", "torn", True): (ANEW, ("recover", "RUN")),
    ("manifest", "damaged", False): (NO_RUN, ()),
    ("manifest", "damaged", True): (f"{ANEW}; it can not know which logs are gone", ("recover", "RUN", "--rebuild")),
    ("manifest", "unreadable", False): (UNREAD, ()),
    ("manifest", "unreadable", True): (UNREAD, ()),
    ("blob", "missing", False): (BLOB, ()),
    ("blob", "missing", True): (BLOB, ()),
    ("blob", "damaged", False): (BLOB, ()),
    ("blob", "damaged", True): (BLOB, ()),
    ("blob", "unreadable", False): (UNREAD, ()),
    ("blob", "unreadable", True): (UNREAD, ()),
    ("folder", "unreadable", False): (UNREAD, ()),
    ("folder", "unreadable", True): (UNREAD, ()),
}

BROKEN_OFF = (
    "the training still runs, or its step was broken off: `areno train` with the same run_dir goes on with the next"
)
IN_TRAINING: dict[Condition, tuple[str, tuple[str, ...]]] = {
    "incomplete": (f"{BROKEN_OFF}; `{{}}` derives it as far as it goes", ("replay", "LOG")),
    "lacking": (f"{BROKEN_OFF}; restore the blobs that it names to look into it", ()),
    "empty": TABLE["log", "empty", False],
}
"""Of logs in the run directory of a training, with which `resume` does not go on."""


def advice(kind: FileKind, condition: Condition, *, file: str, run: str | None) -> Advice:
    """What to do about a file in this condition; `run` is the run directory that it is part of."""
    text, words = TABLE[kind, condition, run is not None]
    if kind == "log" and condition in IN_TRAINING and run is not None and _is_training(run):
        text, words = IN_TRAINING[condition]
    places = {"LOG": file, "RUN": run or ""}
    command = tuple(places.get(word, word) for word in words)
    return Advice(text=text.format(shlex.join(("coding-agent", *command))), command=command)


def _is_training(run: str) -> bool:
    try:
        # It may be a pipe, or a device without an end.
        with REAL_DISK.read(Path(run) / "run.toml") as stream:
            return "areno" in tomllib.loads(stream.read(LONG).decode())
    except (OSError, ValueError):
        return False
