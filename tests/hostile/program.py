"""The corpus of hostile programs: one file each, below `programs/<family>/`, which begins with its claim.

A `.py` or `.sh` file is a program; `prelude.py` goes before each Python program. A `.toml` file is a series of tool
calls; `performer.py` makes of it a program that does the same by itself, for the stages in which there are no tools.
Lines `# ends:`, `# test:`, `# grade:` and `# done:` say what must be recorded where it is not the usual thing, and
`# performed-test:` and `# performed-grade:` do so for what the performer does.
"""

from __future__ import annotations

import base64
import json
import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import attrs

HERE = Path(__file__).parent
FOLDER = HERE / "programs"
PRELUDE, PERFORMER = HERE / "prelude.py", HERE / "performer.py"
STAGES = ("tool call", "test run", "grading")
_HEADER = re.compile(r"^# (ends|test|grade|done|performed-test|performed-grade): (.+)$", re.MULTILINE)


@attrs.frozen(kw_only=True)
class Call:
    """One tool call, and what must come of it."""

    tool: str
    arguments: str
    """Raw JSON."""
    outcome: str
    """Outcomes of the ToolResult that are true, joined by ` or `; `refused` is denied or error."""
    says: str
    """What its text must hold."""


@attrs.frozen(kw_only=True)
class Program:
    """What is tried, and what must be written down of it."""

    name: str
    """family/name"""
    claim: str
    kind: str
    """py, sh or toml."""
    text: str
    calls: tuple[Call, ...]
    ends: str
    """How the command ends: `exit N`, `signal N` or `timeout`; several joined by ` or `."""
    test: str
    """What the test run shows: `passed`, `failed`, `timeout`, `died`, `any`; several joined by ` or `."""
    grade: str
    """What the grade shows: `honest` (every test ran, and what must fail failed), `timeout`, `died`, `any`."""
    done: str
    """Why the episode ends."""
    performed: tuple[str, str] = ("passed", "honest")
    """What test run and grade show of calls that a program performs."""
    stages: tuple[str, ...] = STAGES
    """Those of this episode."""

    @property
    def family(self) -> str:
        return self.name.partition("/")[0]

    @property
    def runs_out_of_time(self) -> bool:
        return "timeout" in self.ends + self.test + self.grade


def corpus() -> Sequence[Program]:
    """Every program, sorted by name."""
    found = [_read(path) for path in sorted(FOLDER.glob("*/*.*"))]
    assert len({program.name for program in found}) == len(found), "two programs have the same name"
    return found


def played_as(program: Program, world: Mapping[str, Any]) -> Sequence[Program]:
    """The program's episodes, with the host's places filled in: `@canary@` becomes the canary's path, and so on.

    A program has one, through every stage. Tool calls have one in which they are made as themselves, so that what they
    leave behind is there when tests run and when it is graded; in another a test and the graded code do the same.
    """

    def fill(text: str) -> str:
        return re.sub(r"@(\w+)@", lambda match: str(world[match[1]]) if match[1] in world else match[0], text)

    if program.kind != "toml":
        text = fill(program.text)
        return [attrs.evolve(program, text=_with_prelude(text, world) if program.kind == "py" else text)]
    calls = tuple(attrs.evolve(call, arguments=fill(call.arguments), says=fill(call.says)) for call in program.calls)
    coded = base64.b64encode(json.dumps([(call.tool, call.arguments) for call in calls]).encode()).decode()
    text = _with_prelude(f"CALLS = {coded!r}\n{PERFORMER.read_text(encoding='utf-8')}", world)
    test, grade = program.performed
    does = attrs.evolve(program, kind="py", text=text, test=test, grade=grade, stages=STAGES[1:])
    alone = [does] if program.done == "submitted" else [
        attrs.evolve(does, stages=STAGES[1:2]), attrs.evolve(does, stages=STAGES[2:], done="submitted"),
    ]  # fmt: skip
    return [attrs.evolve(program, calls=calls, stages=STAGES[:1]), *alone]


def _with_prelude(text: str, world: Mapping[str, Any]) -> str:
    return f"WORLD = {json.dumps(dict(world))}\n{PRELUDE.read_text(encoding='utf-8')}\n{text}"


def _read(path: Path) -> Program:
    text, kind = path.read_text(encoding="utf-8"), path.suffix[1:]
    table = tomllib.loads(text) if kind == "toml" else {}
    header = dict(_HEADER.findall(text))
    ends = header.get("ends", "exit 0")
    late = ends == "timeout"
    return Program(
        name=f"{path.parent.name}/{path.stem}",
        claim=table["claim"] if table else _claim(text, kind),
        kind=kind,
        text=text,
        calls=tuple(_call(each) for each in table.get("call", ())),
        ends=ends,
        test=header.get("test", "timeout" if late else "passed"),
        grade=header.get("grade", "timeout" if late else "honest"),
        done=header.get("done", "submitted"),
        performed=(header.get("performed-test", "passed"), header.get("performed-grade", "honest")),
    )


def _claim(text: str, kind: str) -> str:
    """The docstring of a Python program, the first comment of a shell script."""
    found = re.match(r'"""(.+?)"""' if kind == "py" else r"# (.+?)\n(?!#)", text, re.DOTALL)
    assert found is not None, f"no claim: {text[:80]!r}"
    return " ".join(found[1].replace("\n#", "\n").split())


def _call(table: Mapping[str, Any]) -> Call:
    arguments = json.dumps(table.get("arguments", {})) if "raw" not in table else table["raw"]
    outcome = table.get("outcome", "ok")
    return Call(tool=table["tool"], arguments=arguments, outcome=outcome, says=table.get("says", ""))
