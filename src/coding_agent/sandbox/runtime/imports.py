"""What the tests' process imports of the workspace: sources, and no bytecode, whoever made it and when.

Bytecode may say that nobody is to compare it with its source, and so stand for a module that is itself protected. That
of the library, which nobody here can write, is read as ever: compiling it anew would cost seconds.
"""

from __future__ import annotations

import functools
import importlib.abc
import importlib.machinery
import importlib.util
import os
import pathlib
import sys
import types
from typing import Any


def module_place(path: str) -> str | None:
    """Where a module is to be found, without its suffix or `__init__`: `a/b` for `a/b.py`, `a/b.abi3.so` and
    `a/b/__init__.py`. None for a file that is no module."""
    folder, _, file = path.rpartition("/")
    name, _, suffix = file.partition(".")
    if not name.isidentifier() or (suffix != "py" and not ("." + suffix).endswith(".so")):
        return None
    if name == "__init__":
        return folder or None
    return folder + "/" + name if folder else name


def from_sources(root: str, *, own: frozenset[str] | None) -> None:
    """From here on, below `root`. `own`: and only these files, so that no module can be put in the place of another."""
    files = None if own is None else frozenset(os.path.join(root, path) for path in own)

    def hook(path: str) -> _Finder:
        place = os.path.abspath(path)
        if not (place + os.sep).startswith(root + os.sep) or (
            not os.path.isdir(place) if files is None else place in files
        ):
            raise ImportError("not a folder of the workspace", path=path)
        return _Finder(place, files)

    sys.path_hooks.insert(0, hook)
    for path in [
        path for path in sys.path_importer_cache if (os.path.abspath(path) + os.sep).startswith(root + os.sep)
    ]:
        del sys.path_importer_cache[path]
    if files is not None:
        sys.meta_path.append(_Explainer(root))
        sys.addaudithook(functools.partial(_only, files, root + os.sep))
    from _pytest.assertion import rewrite

    # pytest has bytecode of its own for the modules in which it rewrites assertions.
    rewrite.get_cache_dir = lambda file_path: pathlib.Path(os.devnull)  # noqa: ARG005


_STARTS = frozenset(["subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork", "os.forkpty"])
"""Audit events of programs that would have the tests in view."""


def _only(files: frozenset[str], below: str, event: str, args: tuple[Any, ...]) -> None:
    """Whoever found it: pytest can also load a file by its path."""
    if event in _STARTS:
        raise RuntimeError("tests that call code across start no programs: those could see the tests (%s)" % event)
    name = args[1] if event == "import" else args[0].co_filename if event == "exec" else None
    if type(name) is str and not name.startswith("<"):
        name = os.path.realpath(name)
    if type(name) is str and name.startswith(below) and name not in files:
        raise ImportError("%s may be changed by what is graded; the tests can not run it themselves" % name)


class _Explainer(importlib.abc.MetaPathFinder):
    """Says why a module was not found that is there to see."""

    def __init__(self, root: str) -> None:
        self._root = root

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> None:
        place = os.path.join(self._root, *fullname.split("."))
        if os.path.isdir(place) or os.path.isfile(place + ".py"):
            text = "%s may be changed by what is graded; where code is called across, tests import what is protected"
            raise ModuleNotFoundError(text % fullname, name=fullname)


class _Source(importlib.machinery.SourceFileLoader):
    def get_code(self, fullname: str) -> types.CodeType:
        path = self.get_filename(fullname)
        code: types.CodeType = self.source_to_code(self.get_data(path), path)
        return code


_LOADERS: list[tuple[Any, list[str]]] = [
    (importlib.machinery.ExtensionFileLoader, importlib.machinery.EXTENSION_SUFFIXES),
    (_Source, importlib.machinery.SOURCE_SUFFIXES),
]


class _Finder(importlib.machinery.FileFinder):
    """Of one folder. `files`: all that it may find, or None for whatever there is when somebody asks."""

    def __init__(self, path: str, files: frozenset[str] | None) -> None:
        super().__init__(path, *_LOADERS)
        self._files = files

    def find_spec(self, fullname: str, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        if self._files is None:
            return super().find_spec(fullname, target)
        place = os.path.join(self.path, fullname.rpartition(".")[2])
        for base, inside in ((os.path.join(place, "__init__"), [place]), (place, None)):
            for kind, suffixes in _LOADERS:
                for file in (base + suffix for suffix in suffixes):
                    if file in self._files:
                        loader = kind(fullname, file)
                        return importlib.util.spec_from_file_location(
                            fullname, file, loader=loader, submodule_search_locations=inside
                        )
        if not any(file.startswith(place + os.sep) for file in self._files):
            return None
        spec = importlib.machinery.ModuleSpec(fullname, None)
        spec.submodule_search_locations = [place]
        return spec
