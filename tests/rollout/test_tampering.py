"""Each kind of tampering that the grader knows is written down on the graded TestRun."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest

from coding_agent.events.verdict import grade_of, passed
from coding_agent.rollout.submission import submission
from coding_agent.rollout.workspace import Node, base_tree
from coding_agent.store.reader import read_events
from tests.rollout.worlds import SUBMIT, TASK, job, roll_out, script

TREE = base_tree(TASK.files)
STRICT = attrs.evolve(TASK, allowed=("double.py",))
FORGES = "import os\\nfor fd in range(64):\\n    try: os.write(fd, b'{}\\\\n{}\\\\n')\\n    except OSError: pass\\ndef double(x): return 2 * x\\n"


def told(changes: dict[str, Node | None], task: object = TASK) -> tuple[str, ...]:
    tree = {**TREE, **{path: node for path, node in changes.items() if node is not None}}
    kept = {path: node for path, node in tree.items() if changes.get(path, node) is not None}
    return submission(task, kept).tampering  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("path", "node", "line"),
    [
        ("conftest.py", Node(data=b""), "protected: added conftest.py"),
        ("tests/test_double.py", Node(data=b""), "protected: changed tests/test_double.py"),
        ("tests/test_double.py", None, "protected: deleted tests/test_double.py"),
        ("tests/test_double.py", Node(data=b"x", symlink=True), "protected: changed tests/test_double.py"),
        ("tests/test_hidden.py", Node(data=b""), "protected: added tests/test_hidden.py"),
        ("json.py", Node(data=b""), "protected: added json.py"),
        ("a/b.pth", Node(data=b""), "protected: added a/b.pth"),
    ],
)
def test_what_was_undone_is_told(path: str, node: Node | None, line: str) -> None:
    assert told({path: node}) == (line,)


def test_what_the_task_does_not_allow_is_told() -> None:
    assert told({"other.py": Node(data=b"")}, STRICT) == ("not allowed: added other.py",)


def test_a_file_where_the_tests_must_be_is_told() -> None:
    open_task = attrs.evolve(TASK, protected=())
    assert told({"tests/test_hidden.py/x": Node(data=b"")}, open_task) == (
        "not allowed: tests/test_hidden.py/x, where the tests are",
    )


@pytest.mark.parametrize(
    ("source", "line"),
    [
        ("import os\\nos._exit(0)\\n", "ended: with status 0, before the test that must fail"),
        ("import _pytest.python as p\\np.Function.runtest = lambda self: None\\ndef double(x): ...\\n",
         "interference: the test that must fail was reported as passed"),
        (FORGES, "forged: 2 lines on the result channel that the reporter did not write"),
    ],
)  # fmt: skip
async def test_what_the_graded_run_did_is_told(tmp_path: Path, source: str, line: str) -> None:
    write = ("write_file", f'{{"path": "double.py", "content": "{source}"}}')
    outcome = (await roll_out(tmp_path / "run", [job(script(write, SUBMIT))]))[0]
    grade = grade_of(read_events(outcome.path))
    assert grade is not None
    assert grade.tampering == (line,)
    # Lines without the reporter's secret change no verdict: this one is right, and was right before.
    assert passed(grade) == line.startswith("forged")
