"""Each kind of tampering that the grader knows is written down on the graded TestRun."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import attrs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from coding_agent.events.verdict import grade_of, passed
from coding_agent.rollout.grade import grading
from coding_agent.rollout.submission import CONFIGURATION, submission
from coding_agent.rollout.workspace import Node, base_tree
from coding_agent.store.reader import read_events
from coding_agent.tasks.spec import TaskFile
from tests.rollout.worlds import SUBMIT, TASK, job, roll_out, script

TREE = base_tree(TASK.files)
STRICT = attrs.evolve(TASK, allowed=("double.py",))
FORGES = "import os\\nfor fd in range(64):\\n    try: os.write(fd, b'{}\\\\n{}\\\\n')\\n    except OSError: pass\\ndef double(x): return 2 * x\\n"


def told(changes: Mapping[str, Node | None], task: object = TASK) -> tuple[str, ...]:
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
        ("json.py", Node(data=b""), "protected: added json.py, in the place of the module json"),
        ("json/__init__.py", Node(data=b""), "protected: added json/__init__.py, in the place of the module json"),
        ("json", Node(data=b"src", symlink=True), "protected: added json, in the place of the module json"),
        ("src/setup.cfg", Node(data=b""), None),
        ("json/de.txt", Node(data=b""), None),
        ("json.toml", Node(data=b""), None),
        ("src/json.py", Node(data=b""), None),
        ("a/b.pth", Node(data=b""), "protected: added a/b.pth"),
    ],
)
def test_what_was_undone_is_told(path: str, node: Node | None, line: str | None) -> None:
    assert told({path: node}) == ((line,) if line else ())


@pytest.mark.parametrize(
    ("path", "taken"),
    [
        ("own/helper/__init__.py", "own/helper.py"),
        ("own/helper.cpython-311-x86_64-linux-gnu.so", "own/helper.py"),
        ("own/helper.abi3.so", "own/helper.py"),
        ("own/__init__.so", "own/__init__.py"),
        ("folder.py", "folder/inner.py"),
        ("folder.so", "folder/inner.py"),
        ("own.py", "own/__init__.py"),
        ("own/helper.json", None),
        ("own/helper/notes.py", None),
        ("other/helper.py", None),
        ("folder/__init__.py", None),
    ],
)
def test_nothing_new_takes_the_place_of_a_module_that_is_not_the_agents(path: str, taken: str | None) -> None:
    own = {name: TaskFile(data=b"") for name in ("own/__init__.py", "own/helper.py", "folder/inner.py")}
    task = attrs.evolve(TASK, files={**TASK.files, **own}, protected=(*TASK.protected, *own))
    graded = submission(task, {**base_tree(task.files), path: Node(data=b"")})
    assert graded.tampering == ((f"protected: added {path}, in the place of {taken}",) if taken else ())
    assert (path in graded.tree) == (taken is None)


@pytest.mark.parametrize("name", sorted(CONFIGURATION))
def test_no_folder_above_a_test_gets_a_configuration(name: str) -> None:
    task = attrs.evolve(TASK, protected=(), fail_to_pass=("pkg/sub/tests/test_a.py::test",), pass_to_pass=(), hidden={})
    added = {path: Node(data=b"") for path in (name, f"pkg/{name}", f"pkg/sub/tests/{name}", f"pkg/other/{name}")}
    assert submission(task, added).tree.keys() == {f"pkg/other/{name}"}


@pytest.mark.parametrize("node", [Node(data=b"mine", symlink=True), Node(data=b"")])
def test_nothing_takes_the_place_of_a_protected_folder(node: Node) -> None:
    task = attrs.evolve(
        TASK, files={**TASK.files, "data/a/b": TaskFile(data=b"6")}, protected=(*TASK.protected, "data/**")
    )
    graded = submission(task, {**TREE, "data": node})
    assert graded.tree["data/a/b"].data == b"6"
    assert graded.tampering == ("protected: deleted data/a/b", "not allowed: data, where files of the task are")


def test_files_of_the_task_are_guarded_by_the_largest_folders_that_hold_nothing_else() -> None:
    files = {
        path: TaskFile(data=b"")
        for path in ("data/a/b", "data/a/c", "pkg/own.py", "pkg/other.py", "own.py", "tests/t.py")
    }
    task = attrs.evolve(
        TASK, files=files, hidden={}, fail_to_pass=("tests/t.py::test",), pass_to_pass=(), across=("pkg.other",),
        protected=("data/**", "tests/**", "**/own.py"),
    )  # fmt: skip
    assert grading(task).protect == ("data", "own.py", "pkg/own.py", "tests")


@pytest.mark.parametrize(
    "target",
    ["tests/test_double.py", "./tests/../tests/test_double.py", "/workspace/tests/test_hidden.py", "tests", ".", "/", "..",
     "../workspace/tests/test_hidden.py", "/proc/self/cwd/tests/test_hidden.py", "//workspace/tests/test_hidden.py",
     "/usr/../workspace/tests/test_hidden.py", "answer", "a/" * 300],
)  # fmt: skip
def test_no_link_leads_to_what_is_the_tasks_own(target: str) -> None:
    assert told({"answer": Node(data=target.encode(), symlink=True)}) == (
        f"protected: added answer, a link to {target}",
    )


@pytest.mark.parametrize(
    ("first", "second"),
    [("/workspace/parts", "first/../tests/test_hidden.py"), ("/", "first/workspace/tests/test_hidden.py"),
     ("second", "first"), ("parts", "first/../first/../tests")],
)  # fmt: skip
def test_no_link_leads_there_by_way_of_another(first: str, second: str) -> None:
    links = {"first": Node(data=first.encode(), symlink=True), "second": Node(data=second.encode(), symlink=True)}
    assert f"protected: added second, a link to {second}" in told(links)


def test_a_link_by_way_of_another_to_work_of_the_agents_is_graded() -> None:
    parts = {
        "parts/a/x": Node(data=b""),
        "parts/b": Node(data=b"a", symlink=True),
        "c": Node(data=b"parts/b/../a/x", symlink=True),
    }
    assert told(parts) == ()


NAMES = st.lists(st.sampled_from("ab"), min_size=1, max_size=3).map("/".join)
STEPS = ["a", "b", "..", "..", "", "deep/er", "tests", "tests/test_hidden.py"]
TARGETS = st.lists(st.sampled_from(STEPS), min_size=1, max_size=6)


@given(links=st.dictionaries(NAMES, TARGETS.map("/".join).filter(lambda to: to.strip("/") != ""), max_size=5))
@example(links={"a": "deep/er", "b": "a/../../tests"})
def test_no_link_that_the_kernel_follows_to_what_is_the_tasks_own_is_graded(links: dict[str, str]) -> None:
    with TemporaryDirectory() as host:
        root = Path(host).resolve() / "workspace"
        (root / "tests").mkdir(parents=True)
        (root / "tests" / "test_hidden.py").touch()
        (root / "deep" / "er").mkdir(parents=True)
        made: dict[str, Node] = {}
        for name, to in links.items():
            if not any(other.startswith(f"{name}/") or name.startswith(f"{other}/") for other in made):
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).symlink_to(to.lstrip("/"))
                made[name] = Node(data=to.lstrip("/").encode(), symlink=True)
        graded = submission(TASK, {**TREE, **made}).tree
        led = {name: Path(os.path.realpath(root / name)) for name in made if (root / name).exists()}
        own = {root, root / "tests", root / "tests" / "test_hidden.py"}
        assert {name for name, place in led.items() if place in own} & graded.keys() == set()


@pytest.mark.parametrize("target", ["double.py", "/usr/bin/python3", "nowhere", "sub/../double.py"])
def test_a_link_to_anything_else_is_graded(target: str) -> None:
    assert told({"answer": Node(data=target.encode(), symlink=True)}) == ()


def test_a_configuration_that_the_command_names_is_the_tasks() -> None:
    task = attrs.evolve(TASK, test_command=(*TASK.test_command, "--config-file=tools/own.ini"))
    assert told({"tools/own.ini": Node(data=b"")}, task) == ("protected: added tools/own.ini",)


def test_a_file_with_an_expected_test_stays_the_tasks_own_even_where_nothing_protects_it() -> None:
    open_task = attrs.evolve(TASK, protected=())
    assert told({"tests/test_double.py": None}, open_task) == ("protected: deleted tests/test_double.py",)


def test_what_the_task_does_not_allow_is_told() -> None:
    assert told({"other.py": Node(data=b"")}, STRICT) == ("not allowed: added other.py",)


def test_a_file_where_the_tests_must_be_is_told() -> None:
    open_task = attrs.evolve(TASK, protected=())
    assert told({"tests/test_hidden.py/x": Node(data=b"")}, open_task) == (
        "not allowed: tests/test_hidden.py/x, where files of the task are",
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
