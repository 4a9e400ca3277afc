"""Many mutants in one command: writes a script that tries them on copies of the workspace, and reads its answer.

The script runs inside the sandbox, through `run_command`, as any agent's would. It never touches the workspace itself:
it works on a copy, forks one warm process per mutant, and bounds each by processor time, so that what it prints does
not depend on how busy the machine is.
"""

from __future__ import annotations

import base64
import importlib.resources
import json
import re
import zlib
from collections.abc import Mapping, Sequence

import attrs

from coding_agent.policies.repair.edits import Edit

MARK = "mutants tried:"
TRACED = "lines run by failing tests:"
_TRIAL = re.compile(r"^([0-9a-f]{12}) (?:fixes (\d+) of (\d+), breaks (\d+)|(hangs|crashes|skipped))$")
_LINES = re.compile(r"^(\S.*): ((?:\d+(?:-\d+)?:\d+/\d+ ?)+)$")


@attrs.frozen(kw_only=True)
class Trial:
    """What one mutant did to the failing tests, and to the others where it helped at all."""

    fixed: int = 0
    of: int = 0
    broke: int = 0

    @property
    def solves(self) -> bool:
        """Every failing test passes, and no other fails."""
        return self.of > 0 and self.fixed == self.of and not self.broke


@attrs.frozen(kw_only=True)
class Coverage:
    """How many failing and passing tests ran each line."""

    lines: Mapping[str, Mapping[int, tuple[int, int]]]
    failing: int
    """Failing tests that were traced."""


def try_command(
    edits: Sequence[tuple[str, Edit]], failing: Sequence[str], known: Sequence[str], arguments: Sequence[str],
    *, hangs: bool = False,
) -> str:  # fmt: skip
    """The command that tries each (state name, edit) on the files as they are; `hangs`: they never come to an end."""
    paths = sorted({edit.path for _, edit in edits})
    rows = [[key, paths.index(e.path), e.start, e.end, e.text] for key, e in edits]
    # where most mutants will hang as the original does, each gets less time and more of them may
    bounds = {"cpu_s": 0.4, "hangs": 40} if hangs else {"cpu_s": 1.0, "hangs": 12}
    job = {"mode": "try", "paths": paths, "edits": rows, "failing": list(failing), "known": list(known)}
    return _command({**job, **bounds, "arguments": list(arguments)})


def trace_command(failing: Sequence[str], arguments: Sequence[str]) -> str:
    """The command that traces which lines failing and passing tests run."""
    return _command({"mode": "trace", "failing": list(failing), "cpu_s": 1.0, "arguments": list(arguments)})


def _command(job: Mapping[str, object]) -> str:
    script = importlib.resources.files(__package__).joinpath("harness.py").read_text(encoding="utf-8")
    packed = base64.b64encode(zlib.compress(json.dumps(job).encode(), 9)).decode()
    return f"python - {packed} <<'END_OF_SCRIPT'\n{script}\nEND_OF_SCRIPT"


def trials(text: str) -> dict[str, Trial] | None:
    """What `try_command` printed, by state name; a mutant that was skipped is not in it. None for any other text."""
    if MARK not in text:
        return None
    out: dict[str, Trial] = {}
    for line in text.split("\n"):
        if (m := _TRIAL.match(line)) and m[5] != "skipped":
            out[m[1]] = Trial() if m[5] else Trial(fixed=int(m[2]), of=int(m[3]), broke=int(m[4]))
    return out


def coverage(text: str) -> Coverage | None:
    """What `trace_command` printed. None for any other text."""
    head = re.search(re.escape(TRACED) + r" (\d+) failing", text)
    if head is None:
        return None
    files: dict[str, dict[int, tuple[int, int]]] = {}
    for line in text.split("\n"):
        if m := _LINES.match(line):
            counts = files.setdefault(m[1], {})
            for part in m[2].split():
                where, _, what = part.partition(":")
                first, _, last = where.partition("-")
                fails, _, passes = what.partition("/")
                for number in range(int(first), min(int(last or first), int(first) + 5000) + 1):
                    counts[number] = int(fails), int(passes)
    return Coverage(lines=files, failing=int(head[1]))
