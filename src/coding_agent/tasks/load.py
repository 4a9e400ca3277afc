"""Tasks from disk: `<id>/task.toml`, `repo/`, hidden `tests/`, `gold.patch`. Reads; never runs anything."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from coding_agent.errors import TaskError, UsageError
from coding_agent.tasks.checks import check
from coding_agent.tasks.fields import Fields
from coding_agent.tasks.spec import KINDS, TaskFile, TaskLimits, TaskSpec

PROTECTED = ("tests/**", "**/conftest.py", "pytest.ini", "tox.ini", "setup.cfg", "pyproject.toml")
_KEYS = ("id", "title", "statement", "difficulty", "kind", "tags", "licence", "tests", "limits", "paths")
_LIMITS = ("turns", "tokens", "seconds", "command_s", "test_s")
_CACHES = frozenset({"__pycache__", ".pytest_cache", ".mypy_cache", ".ruff_cache", ".git", ".hypothesis"})
_ID = re.compile(r"[a-z0-9][a-z0-9-]*")


def find_tasks(places: Iterable[str | Path]) -> list[TaskSpec]:
    """The tasks in these folders, sorted by id; a folder is a task or holds some. Raises TaskError, UsageError."""
    folders = [folder for place in places for folder in _folders(Path(place))]
    found: dict[str, tuple[Path, TaskSpec]] = {}
    for folder in dict.fromkeys(path.resolve() for path in folders):
        task = load_task(folder)
        if task.id in found:
            raise TaskError(
                str(folder / "task.toml"), "id", "an id of its own", f"{task.id}, as in {found[task.id][0]}"
            )
        found[task.id] = (folder / "task.toml", task)
    return [found[name][1] for name in sorted(found)]


def _folders(place: Path) -> list[Path]:
    try:
        if _exists(place / "task.toml"):
            return [place]
        # A folder that has a solution and no task.toml is a mistake to tell, not a folder to skip.
        below = [each for each in sorted(place.iterdir()) if _exists(each / "task.toml") or _exists(each / "gold.patch")]
    except OSError as error:
        raise _unreadable(error, place) from error
    if not below:
        raise UsageError(f"{place}: there is no task in it: expected task.toml, or folders that hold one")
    return below


def _exists(path: Path) -> bool:
    """Unlike `Path.exists`, which answers no where nobody lets us look: raises OSError."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def _unreadable(error: OSError, place: Path) -> TaskError:
    return TaskError(error.filename or str(place), "", "a file or folder that can be read", error.strerror or str(error))


def load_task(folder: Path) -> TaskSpec:
    """One task. Raises TaskError naming file, key, expected and found."""
    try:
        return _load(folder)
    except OSError as error:
        raise _unreadable(error, folder) from error


def _load(folder: Path) -> TaskSpec:
    file = folder / "task.toml"
    top = Fields(str(file), _parse(file), "", _KEYS)
    tests = Fields(str(file), top.table.get("tests"), "tests.", ("command", "FAIL_TO_PASS", "PASS_TO_PASS", "across"))
    paths = Fields(str(file), top.table.get("paths", {}), "paths.", ("allowed", "protected"))
    task = TaskSpec(
        id=_identity(top, folder),
        title=top.text("title"),
        statement=top.text("statement"),
        difficulty=top.integer("difficulty", 1, 5),
        kind=_kind(top),
        tags=top.texts("tags", ()),
        licence=top.text("licence"),
        test_command=_command(tests),
        fail_to_pass=tests.texts("FAIL_TO_PASS"),
        pass_to_pass=tests.texts("PASS_TO_PASS"),
        limits=_limits(Fields(str(file), top.table.get("limits", {}), "limits.", _LIMITS)),
        allowed=_globs(paths, "allowed", ("**",)),
        protected=_globs(paths, "protected", PROTECTED),
        files=_files(folder / "repo", ""),
        hidden=_files(folder / "tests", "tests/"),
        gold_patch=_gold(folder / "gold.patch"),
        across=_modules(tests),
    )
    check(task, toml=str(file), gold=str(folder / "gold.patch"))
    return task


def _read(path: Path) -> bytes:
    """A task goes from hand to hand: what it holds must not depend on where it lies."""
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise TaskError(str(path), "", "a regular file", "a symlink, a directory or a special file")
    try:
        return path.read_bytes()
    except OSError as error:
        raise TaskError(str(path), "", "a file that can be read", error.strerror or "nothing") from error


def _parse(file: Path) -> Any:
    try:
        return tomllib.loads(_read(file).decode())
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise TaskError(str(file), "", "TOML in UTF-8", str(error)) from error
    except RecursionError as error:
        raise TaskError(str(file), "", "TOML that nests as people write it", "too many levels") from error


def _identity(top: Fields, folder: Path) -> str:
    name = top.text("id")
    if not _ID.fullmatch(name) or name != folder.name:
        raise top.fail("id", f"the folder's name, {folder.name!r}, of a-z, 0-9 and -", repr(name))
    return name


def _kind(top: Fields) -> str:
    kind = top.text("kind")
    if kind not in KINDS:
        raise top.fail("kind", "one of " + ", ".join(KINDS), repr(kind))
    return kind


def _command(tests: Fields) -> tuple[str, ...]:
    command = tests.texts("command")
    if command[:3] != ("python", "-m", "pytest"):
        raise tests.fail("command", '["python", "-m", "pytest", …]', repr(list(command)))
    return command


def _limits(table: Fields) -> TaskLimits:
    own = TaskLimits()
    tokens = table.table.get("tokens")
    return TaskLimits(
        turns=table.integer("turns", 1, 10_000, own.turns),
        tokens=None if tokens is None else table.integer("tokens", 1, 10**12),
        seconds=table.seconds("seconds", own.seconds),
        command_s=table.seconds("command_s", own.command_s),
        test_s=table.seconds("test_s", own.test_s),
    )


def _modules(tests: Fields) -> tuple[str, ...]:
    names = tests.texts("across", ())
    for name in names:
        if not all(part.isidentifier() for part in name.split(".")):
            raise tests.fail("across", "names of modules, such as wallet or wallet.rates", repr(name))
    return names


def _globs(paths: Fields, key: str, default: tuple[str, ...]) -> tuple[str, ...]:
    globs = paths.texts(key, default)
    for glob in globs:
        if {"", ".", ".."} & set(glob.split("/")):
            raise paths.fail(key, "globs relative to the repository, without empty parts, `.` and `..`", repr(glob))
    return globs


def _files(folder: Path, prefix: str) -> dict[str, TaskFile]:
    if not folder.is_dir() or folder.is_symlink():
        raise TaskError(str(folder), "", "a directory", "nothing of the kind")
    files: dict[str, TaskFile] = {}
    for path in sorted(_below(folder)):
        inside = path.relative_to(folder)
        if any(part in _CACHES or part.endswith(".pyc") for part in inside.parts):
            continue
        if path.is_symlink() or not (path.is_dir() or path.is_file()):
            raise TaskError(str(path), "", "a regular file or directory", "a symlink or special file")
        if path.is_file():
            executable = bool(path.stat().st_mode & 0o100)
            files[prefix + inside.as_posix()] = TaskFile(data=_read(path), executable=executable)
    if not files:
        raise TaskError(str(folder), "", "at least one file", "none")
    return files


def _below(folder: Path) -> Iterator[Path]:
    """Everything in it. Unlike `rglob`, which leaves out what can not be read: raises OSError."""

    def refuse(error: OSError) -> None:
        raise error

    for parent, folders, files in os.walk(folder, onerror=refuse):
        yield from (Path(parent, name) for name in (*folders, *files))


def _gold(file: Path) -> str:
    try:
        return _read(file).decode()
    except UnicodeDecodeError as error:
        raise TaskError(str(file), "", "a unified diff in UTF-8", str(error)) from error
