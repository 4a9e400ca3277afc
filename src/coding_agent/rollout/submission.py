"""What is graded: the task's base, the allowed changes of the agent on top, the task's own tests over both. Pure."""

from __future__ import annotations

import posixpath
import re
import sys
from collections.abc import Collection, Iterator, Sequence

import attrs

from coding_agent.events.text import escape
from coding_agent.rollout.workspace import Node, Tree, base_tree
from coding_agent.sandbox.runtime.imports import module_place
from coding_agent.tasks.paths import matches
from coding_agent.tasks.spec import TaskSpec

NEVER_GRADED = (
    "**/conftest.py",
    "**/*.pth",
    "**/sitecustomize.py",
    "**/usercustomize.py",
    "**/*.pyc",
    "**/__pycache__/**",
)
"""Paths that decide how tests run, wherever they are. Whatever a task allows, these are as the task has them."""

CONFIGURATION = frozenset(
    ["pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml", "tox.ini", "setup.cfg", "pyproject.toml"]
)
"""pytest reads the first of them that it finds from the folder of its tests upwards."""

WORKSPACE = "workspace"
"""The folder below `/` in which tests find the tree."""
MAX_STEPS = 256
"""From folder to folder, to where a link leads: more are nobody's honest work."""

LIBRARY = sys.stdlib_module_names | {"pytest", "_pytest", "py", "pluggy", "iniconfig", "packaging", "pygments"}


@attrs.frozen(kw_only=True)
class Submission:
    """What is graded: the tree, and what the agent did that was undone."""

    tree: Tree
    tampering: tuple[str, ...]


def submission(task: TaskSpec, agent: Tree) -> Submission:
    """Allowed changes onto the base, then the task's tests on top."""
    base, own = base_tree(task.files), _Own(task)
    graded, tampering = dict(base), []
    for path in sorted(base.keys() | agent.keys()):
        ours, theirs = base.get(path), agent.get(path)
        if ours == theirs:
            continue
        kind = "added" if ours is None else "deleted" if theirs is None else "changed"
        taken = own.taken_by(path, theirs) if ours is None and theirs is not None else None
        shown = own.shown_by(path, theirs, agent) if theirs is not None else None
        if taken is not None:
            tampering.append(f"protected: {kind} {escape(path)}, in the place of {taken}")
        elif shown is not None:
            tampering.append(f"protected: {kind} {escape(path)}, a link to {escape(shown)}")
        elif own.decides(path):
            tampering.append(f"protected: {kind} {escape(path)}")
        elif not matches(path, task.allowed):
            tampering.append(f"not allowed: {kind} {escape(path)}")
        elif theirs is None:
            del graded[path]
        else:
            graded[path] = theirs
    tests = {path: Node(data=file.data, executable=file.executable) for path, file in task.hidden.items()}
    kept = _overlay({path: node for path, node in base.items() if own.keeps(path)}, tests)
    tree = _overlay(graded, kept)
    lost = sorted(graded.keys() - tree.keys())
    tampering += [f"not allowed: {escape(path)}, where files of the task are" for path in lost]
    return Submission(tree=tree, tampering=tuple(tampering))


def own_files(task: TaskSpec) -> frozenset[str]:
    """Files of the base and of the hidden tests that are graded as the task has them, whatever the agent does."""
    return frozenset(_Own(task).kept)


def expected_files(task: TaskSpec) -> frozenset[str]:
    """Those that hold an expected test."""
    return frozenset(test.partition("::")[0] for test in (*task.fail_to_pass, *task.pass_to_pass))


class _Own:
    """Which paths stay the task's own."""

    def __init__(self, task: TaskSpec) -> None:
        self._task = task
        self._tests = expected_files(task) | set(task.hidden)
        self._decisive = self._tests | set(_named_configuration(task.test_command))
        self._above = {folder for file in self._tests for folder in _above(file)} | {""}
        self._searched = {_import_root(file, {*task.files, *task.hidden}) for file in self._tests} | {""}
        self._packages = {module_place(file) for file in task.files}
        self._modules: dict[str, str] = {}
        self._folders: dict[str, str] = {}
        self.kept = {file for file in (*task.files, *task.hidden) if self.keeps(file)}
        self._above_kept = {folder for file in self.kept for folder in _above(file)}
        for file in sorted(self.kept):
            if (place := module_place(file)) is not None:
                self._modules[place] = file
                self._folders.update(dict.fromkeys(_above(place), file))

    def decides(self, path: str) -> bool:
        """Whether it is how tests are run, or what they are, and so never the agent's."""
        folder, name = _split(path)
        configures = name in CONFIGURATION and folder in self._above
        return configures or path in self._decisive or matches(path, (*NEVER_GRADED, *self._task.protected))

    def keeps(self, path: str) -> bool:
        """Whether what the agent does to it is undone."""
        return self.decides(path) or not matches(path, self._task.allowed)

    def shown_by(self, path: str, node: Node, tree: Tree) -> str | None:
        """What a link of `tree` says, if it leads to a file of the task's own or a folder above one: nobody's work is
        there; or if nobody can tell where it leads."""
        if not node.symlink:
            return None
        place = self._led_to(path, node, tree)
        return _target(node) if place is None or place in self.kept or place in self._above_kept else None

    def _led_to(self, path: str, node: Node, tree: Tree) -> str | None:
        """The place in the workspace, or one outside that begins with `/`; None where the tree does not tell it."""
        place, ahead = [WORKSPACE, *path.split("/")[:-1]], _steps(node)
        for _ in range(MAX_STEPS):
            if not ahead:
                break
            step = ahead.pop()
            inside = place[:1] == [WORKSPACE]
            if step == "/":
                place = []
            elif step == "..":
                if place and not inside:
                    return None
                del place[-1:]
            else:
                place.append(step)
                here = "/".join(place[1:])
                link = tree.get(here) if inside else None
                # What lies in the way of the task's own is not graded.
                if link is not None and link.symlink and here not in self.kept and here not in self._above_kept:
                    place.pop()
                    ahead += _steps(link)
        if ahead or place[:1] in ([], ["proc"], ["dev"]) or place == [WORKSPACE]:
            return None
        return "/".join(place[1:]) if place[0] == WORKSPACE else "/" + "/".join(place)

    def taken_by(self, path: str, node: Node) -> str | None:
        """What a new file would be imported in the place of, if that is not the agent's to replace."""
        # A link may lead to a package.
        place = module_place(path) or (path if node.symlink else None)
        if place is None:
            return None
        folder, name = _split(place)
        if folder in self._searched and name in LIBRARY and place not in self._packages:
            return f"the module {name}"
        if (taken := self._modules.get(place)) is not None and taken != path:
            return taken
        # A module wins over a folder that is no package.
        if place in self._folders and _split(path)[0] != place:
            return self._folders[place]
        return None


def _target(node: Node) -> str:
    return node.data.decode("utf-8", "surrogateescape")


def _steps(link: Node) -> list[str]:
    """What a link says, the last step first; the first one of all may be `/`."""
    target = _target(link)
    steps = [step for step in target.split("/") if step not in ("", ".")]
    return [*steps[::-1], "/"] if target.startswith("/") else steps[::-1]


def _split(path: str) -> tuple[str, str]:
    folder, _, name = path.rpartition("/")
    return folder, name


def _above(path: str) -> Iterator[str]:
    while path:
        path = _split(path)[0]
        yield path


def _named_configuration(command: Sequence[str]) -> Iterator[str]:
    """What options of one word name."""
    for word in command:
        named = re.match(r"(?:--config-file=|-c)([^-].*)", word)
        if named is not None:
            yield posixpath.normpath(named[1])


def _import_root(test: str, files: Collection[str]) -> str:
    """The folder that pytest puts on the path for it: the nearest that is no package."""
    folder = _split(test)[0]
    while folder and f"{folder}/__init__.py" in files:
        folder = _split(folder)[0]
    return folder


def _overlay(tree: Tree, tests: Tree) -> Tree:
    # A file or link of the agent's where a folder of these must be (or the other way round) gives way.
    parents = {folder for path in tests for folder in _above(path)}
    deepest = max((path.count("/") for path in tests), default=0) + 1

    def is_inside(path: str) -> bool:
        parts = path.split("/", deepest)
        return any("/".join(parts[:end]) in tests for end in range(1, len(parts)))

    kept = {path: node for path, node in tree.items() if path not in parents and not is_inside(path)}
    return {**kept, **tests}
