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
NESTED = attrs.evolve(
    TASK, id="nested", allowed=("pkg/**",), protected=("pkg/tests/**",), pass_to_pass=("pkg/tests/test_double.py::test_two",),
    fail_to_pass=("pkg/tests/test_double.py::test_three",), hidden={},
    files={
        "pkg/__init__.py": TaskFile(data=b""), "pkg/double.py": TASK.files["double.py"],
        "pkg/tests/test_double.py": TaskFile(data=b"from pkg.double import double\n\ndef test_two():\n    assert double(2) == 4\n"
                                                  b"\ndef test_three():\n    assert double(3) == 6\n"),
    },
)  # fmt: skip
"""Its tests lie below a folder that the agent may write to; `dotted` calls a module of that package across."""
BESIDE = attrs.evolve(
    TASK, id="beside", protected=("tests/**", "answers.py"), fail_to_pass=("tests/test_double.py::test_three",),
    pass_to_pass=(), hidden={},
    files={
        "double.py": TASK.files["double.py"], "answers.py": TaskFile(data=b"SIX = 6\n"), "tests/more.py": TaskFile(data=b"TEN = 10\n"),
        "tests/test_double.py": TaskFile(data=b"from answers import SIX\nfrom double import double\nfrom tests.more import TEN\n"
                                              b"\ndef test_three():\n    assert (double(3), double(5)) == (SIX, TEN)\n"),
    },
)  # fmt: skip
"""Its tests import protected modules, one of them from a folder that is no package."""
FED = attrs.evolve(
    BOUNDARY, id="fed", protected=("tests/**", "data/**"), pass_to_pass=(), hidden={},
    files={
        "double.py": TASK.files["double.py"], "data/cases.json": TaskFile(data=b"[[3, 6], [5, 10]]\n"),
        "tests/test_double.py": TaskFile(data=b"import json\n\nfrom double import double\n\ndef test_three():\n    with open('data/cases.json') as file:\n"
                                              b"        assert all(double(x) == y for x, y in json.load(file))\n"),
    },
    fail_to_pass=("tests/test_double.py::test_three",),
)  # fmt: skip
"""Its tests read what is expected from a protected file."""
MIRRORED = attrs.evolve(
    FED, id="mirrored", protected=("tests/**", "src/pkg/tables.py", "pyproject.toml"), across=("pkg.double",),
    files={
        "pyproject.toml": TaskFile(data=b"[tool.pytest.ini_options]\npythonpath = 'src'\n"),
        "src/pkg/__init__.py": TaskFile(data=b""), "src/pkg/tables.py": TaskFile(data=b"FACTOR = 2\n"),
        "src/pkg/double.py": TASK.files["double.py"], "tests/__init__.py": TaskFile(data=b""), "tests/pkg/__init__.py": TaskFile(data=b""),
        "tests/pkg/test_double.py": TaskFile(data=b"from fractions import Fraction\n\nfrom pkg.double import double\nfrom pkg import tables\n\n"
                                                  b"def test_three():\n    assert double(3) == 3 * tables.FACTOR == Fraction(6)\n"),
    },
    fail_to_pass=("tests/pkg/test_double.py::test_three",),
)  # fmt: skip
"""Below `src`, with a protected neighbour, and tests in packages of the same names."""
LOOPED = attrs.evolve(
    BOUNDARY, id="looped", pass_to_pass=(), hidden={}, fail_to_pass=("tests/test_double.py::test_each", "tests/test_double.py::test_case[3-6]"),
    files={
        "double.py": TASK.files["double.py"], "tests/golden.txt": TaskFile(data=b"6\n"),
        "tests/test_double.py": TaskFile(data=b"import pytest\nfrom double import double\n\ndef right(x):\n    return double(x) == 2 * x\n\n"
                                              b"def test_each():\n    assert all(map(right, [3, 5]))\n\n@pytest.mark.parametrize('case', ['3-6'])\n"
                                              b"def test_case(case, tmp_path):\n    x, y = map(int, case.split('-'))\n    assert double(x) == y\n"),
    },
)  # fmt: skip
"""Its tests call the code in loops, and are named after what they expect."""
DELIVERED = attrs.evolve(
    LOOPED, id="delivered", across=(), fail_to_pass=("tests/test_text.py::test_text",),
    files={
        "double.py": TASK.files["double.py"], "tests/golden.txt": TaskFile(data=b"6\n"),
        "tests/test_text.py": TaskFile(data=b"def test_text():\n    assert open('answer.txt').read() == open('tests/golden.txt').read()\n"),
    },
)  # fmt: skip
"""What it wants is a file."""
NEIGHBOURED = attrs.evolve(
    MIRRORED, id="neighboured",
    files={
        **MIRRORED.files,
        "tests/pkg/test_double.py": TaskFile(data=b"from pkg import tables\nfrom pkg.double import double\n\n"
                                                  b"def test_three():\n    assert double(3) == 3 * tables.FACTOR\n"),
    },
)  # fmt: skip
"""What it expects is computed from a protected neighbour."""
ANNOUNCED = attrs.evolve(
    LOOPED, id="announced", test_command=(*TASK.test_command[:3], "-v"),
    fail_to_pass=tuple(f"tests/test_double.py::test_case[{x}-{2 * x}]" for x in (3, 5)),
    files={
        "double.py": TASK.files["double.py"],
        "tests/test_double.py": TaskFile(data=b"import pytest\nfrom double import double\n\n"
                                              b"@pytest.mark.parametrize('x, y', [(x, 2 * x) for x in (3, 5)])\n"
                                              b"def test_case(x, y):\n    assert double(x) == y\n"),
    },
)  # fmt: skip
"""Its tests are named after what they expect, and each is told before it runs."""
SHIPPED = load_task(HERE.parents[1] / "tasks" / "build-order")
"""One of those that come with the package and have their code called across."""
TASKS = {
    "toy": TASK, "boundary": BOUNDARY, "helped": HELPED, "build-order": SHIPPED, "nested": NESTED, "beside": BESIDE,
    "fed": FED, "looped": LOOPED, "delivered": DELIVERED, "mirrored": MIRRORED, "neighboured": NEIGHBOURED, "announced": ANNOUNCED,
    "dotted": attrs.evolve(NESTED, id="dotted", across=("pkg.double",)),
}  # fmt: skip


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
