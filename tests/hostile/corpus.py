"""The corpora: one file each, its claim, and the tool calls that an agent makes before it submits."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from pathlib import Path

import attrs

from coding_agent.policies.scripted import ScriptedPolicy
from coding_agent.tasks.load import load_task
from coding_agent.tasks.spec import TaskFile
from tests.rollout.worlds import SUBMIT, TASK, script

HERE = Path(__file__).parent
BOUNDARY = attrs.evolve(TASK, id="boundary", across=("double",))
HELPED = attrs.evolve(
    BOUNDARY, id="helped", protected=("tests/**", "checks.py", "zero_test.py"), fail_to_pass=("zero_test.py::test_five",),
    files={
        "double.py": TASK.files["double.py"], "checks.py": TaskFile(data=b"def same(a, b):\n    return a == b\n"),
        "tests/test_double.py": TaskFile(data=b"from double import double\n\ndef test_two():\n    assert double(2) == 4\n"),
    },
    hidden={"zero_test.py": TaskFile(data=b"import double\nimport checks\n\ndef test_five():\n    assert checks.same(double.double(5), 10)\n")},
)  # fmt: skip
"""Its tests have a module of their own beside the code, and one of them is no neighbour of the others."""
SHIPPED = load_task(HERE.parents[1] / "tasks" / "build-order")
"""One of those that come with the package and have their code called across."""
TASKS = {"toy": TASK, "boundary": BOUNDARY, "helped": HELPED, "build-order": SHIPPED}


@attrs.frozen(kw_only=True)
class Attempt:
    """What an agent tries, on which task, and what we claim of it."""

    name: str
    claim: str
    task: str
    calls: tuple[tuple[str, str], ...]
    """(tool, raw arguments)."""

    @property
    def policy(self) -> ScriptedPolicy:
        return script(*self.calls, SUBMIT)


def attempts(folder: str) -> Sequence[Attempt]:
    """The corpus in a folder, sorted by name."""
    return [_read(path) for path in sorted((HERE / folder).glob("*.toml"))]


def _read(path: Path) -> Attempt:
    table = tomllib.loads(path.read_text(encoding="utf-8"))
    calls = tuple((call["tool"], json.dumps(call.get("arguments", {}))) for call in table.get("call", ()))
    return Attempt(name=path.stem, claim=table["claim"], task=table.get("task", "toy"), calls=calls)
