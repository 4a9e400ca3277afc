from __future__ import annotations

import os
import shutil
from pathlib import Path

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coding_agent.errors import TaskError, UsageError
from coding_agent.tasks.load import PROTECTED, find_tasks, load_task
from coding_agent.tasks.paths import matches
from coding_agent.tasks.spec import KINDS, TaskLimits

ROOT = Path(__file__).parents[2] / "tasks"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ROOT / "interval-gap", tmp_path / "interval-gap"))


def edit(folder: Path, old: str, new: str) -> None:
    file = folder / "task.toml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new, 1))


def test_a_task_is_loaded_with_its_files(folder: Path) -> None:
    task = load_task(folder)
    assert (task.id, task.difficulty, task.kind) == ("interval-gap", 1, "bug")
    assert "calendar_slots/free.py" in task.files
    assert list(task.hidden) == ["tests/test_hidden_slots.py"]
    assert not any("hidden" in path for path in task.files)


def test_an_executable_file_stays_executable(folder: Path) -> None:
    (folder / "repo" / "run.sh").write_text("#!/bin/sh\n")
    (folder / "repo" / "run.sh").chmod(0o755)
    assert load_task(folder).files["run.sh"].executable


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('id = "interval-gap"', 'id = "other"', "task.toml: id: expected the folder's name, 'interval-gap'"),
        ("difficulty = 1", "difficulty = 6", "difficulty: expected an integer from 1 to 5, found 6"),
        ("difficulty = 1", "difficulty = true", "difficulty: expected an integer from 1 to 5, found True"),
        ("difficulty = 1", "", "difficulty: expected an integer from 1 to 5, found nothing"),
        ('kind = "bug"', 'kind = "bugs"', "kind: expected one of bug, feature"),
        ('kind = "bug"', 'kid = "bug"', "kid: expected one of id, title, .* found an unknown key .did you mean kind"),
        (
            '"python", "-m", "pytest", "-q"',
            '"make", "test"',
            "tests.command: expected .*python.*, found .'make', 'test'",
        ),
        ("test_slots.py::test_half", "test_gone.py::test_half", "tests.FAIL_TO_PASS: expected tests in files of repo/"),
        ('"calendar_slots/**"', '"/etc/**"', "paths.allowed: expected globs relative to the repository"),
        ('"calendar_slots/**"', '"../**"', "paths.allowed: expected globs relative to the repository"),
        ('"calendar_slots/**"', '"docs/**"', "gold.patch: calendar_slots/free.py: expected a path that is allowed"),
        ('"calendar_slots/**"', '"./calendar_slots/**"', "paths.allowed: expected globs relative to the repository"),
        ('id = "interval-gap"', 'id = "Interval Gap"', "id: expected the folder's name, .*, found 'Interval Gap'"),
        ('title = "', 'title = " "\n# "', "title: expected text, found ' '"),
        ('tags = ["intervals", "boundary"]', 'tags = "intervals"', "tags: expected a list of text, found 'intervals'"),
        ("difficulty = 1", "difficulty = 1.0", "difficulty: expected an integer from 1 to 5, found 1.0"),
        ("[paths]", "[limits]\nturns = 0\n[paths]", "limits.turns: expected an integer from 1 to 10000, found 0"),
        ("[paths]", "[limits]\ntest_s = nan\n[paths]", "limits.test_s: expected seconds, above 0 .* found nan"),
        (
            "[paths]",
            "[limits]\nminutes = 3\n[paths]",
            "limits.minutes: expected one of turns, tokens, .* an unknown key",
        ),
        ("PASS_TO_PASS = [", "OTHERS = [", "tests.OTHERS: expected one of command, FAIL_TO_PASS, PASS_TO_PASS"),
        ("[paths]", "[[paths]]", "task.toml: paths: expected a table, found"),
        ("[tests]", "deep = " + "[" * 5000 + "\n[tests]", "expected TOML that nests as people write it"),
        ('licence = "Apache-2.0"', "licence = 3", "licence: expected text, found 3"),
        ("[tests]", "[tests", r"task.toml: expected TOML in UTF-8, found .*line 16, column 7"),
    ],
)
def test_a_mistake_names_file_key_expected_and_found(folder: Path, old: str, new: str, message: str) -> None:
    edit(folder, old, new)
    with pytest.raises(TaskError, match=message):
        load_task(folder)


@pytest.mark.parametrize("gone", ["repo", "tests", "gold.patch", "task.toml"])
def test_a_missing_part_is_named(folder: Path, gone: str) -> None:
    place = folder / gone
    shutil.rmtree(place) if place.is_dir() else place.unlink()
    with pytest.raises(TaskError, match=gone):
        load_task(folder)


def test_a_symlink_in_a_task_is_refused(folder: Path) -> None:
    (folder / "repo" / "secret").symlink_to("/etc/passwd")
    with pytest.raises(TaskError, match="secret: expected a regular file or directory, found a symlink"):
        load_task(folder)


@pytest.mark.parametrize("name", ["task.toml", "gold.patch", "repo", "tests"])
def test_a_part_that_lies_elsewhere_is_refused(folder: Path, name: str) -> None:
    (folder / name).rename(folder.parent / name)
    (folder / name).symlink_to(folder.parent / name)
    with pytest.raises(TaskError, match=rf"{name}: expected a (regular file|directory), found"):
        load_task(folder)


def test_a_fifo_in_a_task_is_refused(folder: Path) -> None:
    os.mkfifo(folder / "tests" / "pipe")
    with pytest.raises(TaskError, match="pipe: expected a regular file or directory, found a symlink or special file"):
        load_task(folder)


def test_text_that_is_not_utf_8_is_told(folder: Path) -> None:
    (folder / "task.toml").write_bytes(b"title = '\xff'\n")
    with pytest.raises(TaskError, match=r"task\.toml: expected TOML in UTF-8, found 'utf-8' codec"):
        load_task(folder)


def test_a_repository_without_files_is_no_repository(folder: Path) -> None:
    shutil.rmtree(folder / "repo")
    (folder / "repo").mkdir()
    with pytest.raises(TaskError, match="repo: expected at least one file, found none"):
        load_task(folder)


def test_without_limits_and_paths_the_defaults_hold(folder: Path) -> None:
    edit(folder, '[paths]\nallowed = ["calendar_slots/**"]\n', "")
    task = load_task(folder)
    assert (task.allowed, task.protected, task.limits) == (("**",), PROTECTED, TaskLimits())


def test_a_limit_that_is_given_holds_and_the_others_stay(folder: Path) -> None:
    edit(folder, "[paths]", "[limits]\nturns = 7\ntest_s = 2\n[paths]")
    assert load_task(folder).limits == TaskLimits(turns=7, test_s=2.0)


def test_two_tasks_of_one_id_are_refused(tmp_path: Path) -> None:
    for name in ("a", "b"):
        shutil.copytree(ROOT / "interval-gap", tmp_path / name / "interval-gap")
    with pytest.raises(TaskError, match="id: expected an id of its own, found interval-gap, as in"):
        find_tasks([tmp_path / "a", tmp_path / "b"])


def test_one_task_that_is_named_twice_is_one_task(folder: Path) -> None:
    assert [task.id for task in find_tasks([folder, folder.parent, str(folder)])] == ["interval-gap"]


def test_a_folder_with_a_solution_and_no_task_is_not_passed_over(folder: Path) -> None:
    (folder / "task.toml").unlink()
    with pytest.raises(TaskError, match=r"interval-gap/task\.toml: expected a file that can be read, found No such"):
        find_tasks([folder.parent])


def test_a_folder_without_tasks_is_named(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"there is no task in it: expected task\.toml"):
        find_tasks([tmp_path])


def test_bytecode_is_not_part_of_a_task(folder: Path) -> None:
    before = load_task(folder).digest
    cache = folder / "repo" / "calendar_slots" / "__pycache__"
    cache.mkdir()
    (cache / "x.pyc").write_bytes(b"x")
    assert load_task(folder).digest == before


def test_the_digest_covers_what_decides_and_not_the_solution(folder: Path) -> None:
    task = load_task(folder)
    assert attrs.evolve(task, statement="x").digest != task.digest
    assert attrs.evolve(task, hidden={}).digest != task.digest
    assert attrs.evolve(task, gold_patch="x").digest == task.digest


@pytest.mark.parametrize(
    ("glob", "path", "fits"),
    [
        ("src/**", "src/a/b.py", True), ("src/**", "src.py", False), ("*.py", "a/b.py", False), ("**/*.py", "b.py", True),
        ("**/conftest.py", "a/b/conftest.py", True), ("**/conftest.py", "xconftest.py", False), ("a?c", "abc", True),
        ("a?c", "a/c", False), ("**", "any/thing", True), ("[a].py", "a.py", False),
    ],
)  # fmt: skip
def test_globs(glob: str, path: str, fits: bool) -> None:
    assert matches(path, [glob]) is fits


@given(st.text("ab/.", min_size=1, max_size=12))
def test_a_path_matches_itself_and_everything_matches_all(path: str) -> None:
    assert matches(path, [path])
    assert matches(path, ["**"])


def test_our_tasks_span_kinds_and_difficulties() -> None:
    tasks = find_tasks([ROOT])
    assert len(tasks) >= 15
    assert {task.difficulty for task in tasks} == {1, 2, 3, 4, 5}
    assert {"bug", "feature", "refactor"} <= {task.kind for task in tasks} <= set(KINDS)
    assert all(task.licence == "Apache-2.0" and task.pass_to_pass for task in tasks)


def test_our_tasks_ask_for_more_than_their_statements_show() -> None:
    for task in find_tasks([ROOT]):
        assert any(test.partition("::")[0] in task.hidden for test in task.fail_to_pass), task.id


def test_our_tasks_look_alike() -> None:
    for task in find_tasks([ROOT]):
        lines = sum(file.data.count(b"\n") for path, file in task.files.items() if path.endswith(".py"))
        assert 30 <= lines <= 300, task.id
        assert "README.md" in task.files, task.id
        assert any(path.startswith("tests/test_") for path in task.files), task.id
        assert not task.hidden.keys() & task.files.keys(), task.id
