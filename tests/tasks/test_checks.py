from __future__ import annotations

from typing import Any

import attrs
import pytest

from coding_agent.errors import TaskError
from coding_agent.tasks.checks import check
from coding_agent.tasks.spec import TaskFile, TaskLimits, TaskSpec

TASK = TaskSpec(
    id="t",
    title="t",
    statement="t",
    difficulty=1,
    kind="bug",
    tags=(),
    licence="Apache-2.0",
    test_command=("python", "-m", "pytest", "-q"),
    fail_to_pass=("tests/test_b.py::test_x",),
    pass_to_pass=("tests/test_a.py::test_y[a::b]",),
    limits=TaskLimits(),
    allowed=("src/**",),
    protected=("tests/**", "src/version.py"),
    files={name: TaskFile(data=b"1\n") for name in ("src/a.py", "src/version.py", "setup.py", "tests/test_a.py")},
    hidden={"tests/test_b.py": TaskFile(data=b""), "src/data.txt": TaskFile(data=b"")},
    gold_patch="--- a/src/a.py\n+++ b/src/a.py\n@@ -1 +1 @@\n-1\n+2\n",
)


def refused(task: TaskSpec) -> str:
    with pytest.raises(TaskError) as caught:
        check(task, toml="task.toml", gold="gold.patch")
    return str(caught.value)


def patch(before: str, after: str) -> TaskSpec:
    first, second = ("0,0", "1") if before == "/dev/null" else ("1", "0,0") if after == "/dev/null" else ("1", "1")
    body = ("" if first == "0,0" else "-1\n") + ("" if second == "0,0" else "+2\n")
    return attrs.evolve(TASK, gold_patch=f"--- {before}\n+++ {after}\n@@ -{first} +{second} @@\n{body}")


def test_a_task_whose_parts_fit_is_accepted() -> None:
    check(TASK, toml="task.toml", gold="gold.patch")
    check(patch("/dev/null", "b/src/new.py"), toml="task.toml", gold="gold.patch")
    check(patch("a/src/a.py", "/dev/null"), toml="task.toml", gold="gold.patch")


@pytest.mark.parametrize(
    ("field", "ids", "message"),
    [
        ("fail_to_pass", (), "tests.FAIL_TO_PASS: expected at least one test id, found none"),
        (
            "fail_to_pass",
            ("tests/test_b.py",),
            "tests.FAIL_TO_PASS: expected test ids such as .*, found 'tests/test_b.py'",
        ),
        (
            "fail_to_pass",
            ("tests/gone.py::x",),
            "tests.FAIL_TO_PASS: expected tests in files of repo/ or tests/, found tests/gone",
        ),
        (
            "pass_to_pass",
            ("../x.py::x",),
            "tests.PASS_TO_PASS: expected tests in files of repo/ or tests/, found ../x.py::x",
        ),
        (
            "fail_to_pass",
            TASK.fail_to_pass * 2,
            "tests.FAIL_TO_PASS: expected each test id once, .* found tests/test_b.py::test_x",
        ),
        (
            "pass_to_pass",
            TASK.fail_to_pass,
            "tests.PASS_TO_PASS: expected each test id once, .* found tests/test_b.py::test_x",
        ),
    ],
)
def test_test_ids_that_do_not_fit_are_named(field: str, ids: tuple[str, ...], message: str) -> None:
    change: Any = {field: ids}
    with pytest.raises(TaskError, match="task.toml: " + message):
        check(attrs.evolve(TASK, **change), toml="task.toml", gold="gold.patch")


@pytest.mark.parametrize(
    ("before", "after", "message"),
    [
        (
            "a/tests/test_a.py",
            "b/tests/test_a.py",
            "tests/test_a.py: expected a path that is allowed and not protected",
        ),
        ("a/src/version.py", "b/src/version.py", "src/version.py: expected a path that is allowed and not protected"),
        ("a/setup.py", "b/setup.py", "setup.py: expected a path that is allowed"),
        ("/dev/null", "b/src/data.txt", "src/data.txt: expected a path that is allowed"),
        ("a/src/../../x.py", "b/src/../../x.py", "src/../../x.py: expected a path inside the repository"),
        ("/etc/hosts", "/etc/hosts", "/etc/hosts: expected a path inside the repository, found one that leaves it"),
        ("a/src/gone.py", "b/src/gone.py", "src/gone.py: expected a file of repo/, found none of that name"),
        ("/dev/null", "b/src/a.py", "src/a.py: expected a new file, found one that repo/ has already"),
    ],
)
def test_a_gold_patch_that_does_not_fit_is_named(before: str, after: str, message: str) -> None:
    assert refused(patch(before, after)).startswith("gold.patch: " + message)


def test_a_gold_patch_does_not_move_a_protected_file_away() -> None:
    moved = "diff --git a/src/version.py b/src/b.py\nsimilarity index 100%\nrename from src/version.py\nrename to src/b.py\n"
    assert "src/version.py: expected a path that is allowed" in refused(attrs.evolve(TASK, gold_patch=moved))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "gold.patch: expected a change to at least one file, found none"),
        ("words\n", "gold.patch: expected a change to at least one file, found none"),
        ("@@ -1 +1 @@\n nonsense\n", "gold.patch: expected a unified diff, found Unexpected hunk found"),
        ("--- a/src/a.py\n+++ b/src/a.py\n@@ -1,5 +1 @@\n-1\n+2\n", "gold.patch: expected a unified diff, found Hunk is shorter"),
        ("diff --git a/src/a.py b/src/a.py\nBinary files a/src/a.py and b/src/a.py differ\n", "gold.patch: src/a.py: expected a change of text"),
    ],
)  # fmt: skip
def test_what_is_no_patch_of_text_is_refused(text: str, message: str) -> None:
    assert refused(attrs.evolve(TASK, gold_patch=text)).startswith(message)


@pytest.mark.parametrize("words", [("-k", "test_x"), ("-q", "elsewhere/")])
def test_a_word_that_grading_would_lose_is_refused(words: tuple[str, ...]) -> None:
    task = attrs.evolve(TASK, test_command=("python", "-m", "pytest", *words))
    assert (
        refused(task)
        == f"task.toml: tests.command: expected options of one word (--option=value) or paths of the task, found {words[1]!r}"
    )


@pytest.mark.parametrize("word", ["tests", "tests/", "tests/test_b.py", "-ktest_x"])
def test_options_of_one_word_and_paths_of_the_task_are_accepted(word: str) -> None:
    check(attrs.evolve(TASK, test_command=("python", "-m", "pytest", word)), toml="task.toml", gold="gold.patch")


def test_a_file_here_and_a_folder_there_is_refused() -> None:
    task = attrs.evolve(TASK, files={**TASK.files, "src/data.txt/a": TaskFile(data=b"")})
    assert refused(task).startswith("task.toml: src/data.txt: expected a file or a folder in both repo/ and tests/")


@pytest.mark.parametrize("names", [("b",), ("src.b",), ("src",), ("a", "version")])
def test_modules_that_are_called_across_are_there_or_come_with_the_gold_patch(names: tuple[str, ...]) -> None:
    check(attrs.evolve(patch("/dev/null", "b/src/b.py"), across=names), toml="task.toml", gold="gold.patch")


@pytest.mark.parametrize("name", ["c", "sr", "src.c", "b.src", "data", "test_b"])
def test_a_module_that_is_called_across_and_is_nowhere_is_named(name: str) -> None:
    said = refused(attrs.evolve(TASK, across=("a", name)))
    assert said == f"task.toml: tests.across: expected modules of repo/, or that gold.patch makes, found {name!r}"
