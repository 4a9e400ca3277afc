"""Whether the parts of a task fit together: test ids, command, hidden tests and gold patch against the files. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import PurePosixPath

from unidiff.errors import UnidiffParseError
from unidiff.patch import PatchedFile, PatchSet

from coding_agent.errors import TaskError
from coding_agent.tasks.paths import matches
from coding_agent.tasks.spec import TaskSpec


def check(task: TaskSpec, *, toml: str, gold: str) -> None:
    """Raises TaskError naming the first thing that does not fit; `toml` and `gold` are the names of the files."""
    _check_layers(task, toml)
    _check_command(task, toml)
    _check_ids(task, toml)
    changes = _changes(task, gold)
    for change in changes:
        _check_change(task, change, gold)
    _check_across(task, {_own(change.target_file) for change in changes}, toml)


def _folders(paths: Iterable[str]) -> set[str]:
    return {str(folder) for path in paths for folder in PurePosixPath(path).parents}


def _check_layers(task: TaskSpec, toml: str) -> None:
    clash = (task.files.keys() & _folders(task.hidden)) | (task.hidden.keys() & _folders(task.files))
    if clash:
        raise TaskError(
            toml, min(clash), "a file or a folder in both repo/ and tests/", "a file in one, a folder in the other"
        )


def _check_command(task: TaskSpec, toml: str) -> None:
    """Grading keeps the options and names the files itself, so a word behind an option would be lost."""
    places = {*task.files, *task.hidden, *_folders(task.files), *_folders(task.hidden)}
    for word in task.test_command[3:]:
        if not word.startswith("-") and str(PurePosixPath(word)) not in places:
            raise TaskError(
                toml, "tests.command", "options of one word (--option=value) or paths of the task", repr(word)
            )


def _check_ids(task: TaskSpec, toml: str) -> None:
    if not task.fail_to_pass:
        raise TaskError(toml, "tests.FAIL_TO_PASS", "at least one test id", "none")
    seen: set[str] = set()
    known = {*task.files, *task.hidden}
    for key, ids in (("tests.FAIL_TO_PASS", task.fail_to_pass), ("tests.PASS_TO_PASS", task.pass_to_pass)):
        for test in ids:
            file, colons, name = test.partition("::")
            if not colons or not name:
                raise TaskError(toml, key, "test ids such as tests/test_a.py::test_b", repr(test))
            if file not in known:
                raise TaskError(toml, key, "tests in files of repo/ or tests/", test)
            if test in seen:
                raise TaskError(toml, key, "each test id once, in one of the two lists", test)
            seen.add(test)


def _check_across(task: TaskSpec, made: Collection[str], toml: str) -> None:
    """A module that is not there would be called in the process of the tests, as if nothing had been said of it."""
    files = [f"/{path}" for path in (*task.files, *made) if path.endswith((".py", ".so"))]
    for name in task.across:
        place = "/" + name.replace(".", "/")
        if not any(f"{place}/" in path or f"{place}." in path for path in files):
            raise TaskError(toml, "tests.across", "modules of repo/, or that gold.patch makes", repr(name))


def _changes(task: TaskSpec, gold: str) -> PatchSet:
    try:
        patch = PatchSet(task.gold_patch)
    except UnidiffParseError as error:
        raise TaskError(gold, "", "a unified diff", str(error)) from error
    if not patch:
        raise TaskError(gold, "", "a change to at least one file", "none")
    return patch


def _check_change(task: TaskSpec, change: PatchedFile, gold: str) -> None:
    before, after = _own(change.source_file), _own(change.target_file)
    for path in filter(None, (before, after)):
        if path.startswith("/") or ".." in path.split("/"):
            raise TaskError(gold, path, "a path inside the repository", "one that leaves it")
        if matches(path, task.protected) or not matches(path, task.allowed) or path in task.hidden:
            raise TaskError(gold, path, "a path that is allowed and not protected", "one that is not graded")
    if change.is_binary_file:
        raise TaskError(gold, after or before, "a change of text", "a binary change")
    if before and before not in task.files:
        raise TaskError(gold, before, "a file of repo/", "none of that name")
    if not before and after in task.files:
        raise TaskError(gold, after, "a new file", "one that repo/ has already")


def _own(name: str) -> str:
    """The path without git's a/ or b/; empty for /dev/null."""
    return "" if name == "/dev/null" else name[2:] if name.startswith(("a/", "b/")) else name
