"""What the tests' process imports of the workspace: sources, and no bytecode, whoever made it and when.

Bytecode may say that nobody is to compare it with its source, and so stand for a module that is itself protected. That
of the library, which nobody here can write, is read as ever: compiling it anew would cost seconds.
"""

from __future__ import annotations

import importlib.machinery
import importlib.util
import os
import pathlib
import sys
import types
from typing import Any


def from_sources(root: str, *, as_it_was: bool) -> None:
    """From here on, below `root`. `as_it_was`: and only from files that are there now, so that no module can be put in
    the place of another by code that runs elsewhere meanwhile."""
    files = frozenset(_files(root)) if as_it_was else None

    def hook(path: str) -> _Finder:
        place = os.path.abspath(path)
        if not (place + os.sep).startswith(root + os.sep) or not os.path.isdir(place):
            raise ImportError("not a folder of the workspace", path=path)
        return _Finder(place, files)

    sys.path_hooks.insert(0, hook)
    for path in [
        path for path in sys.path_importer_cache if (os.path.abspath(path) + os.sep).startswith(root + os.sep)
    ]:
        del sys.path_importer_cache[path]
    from _pytest.assertion import rewrite

    # pytest has bytecode of its own for the modules in which it rewrites assertions.
    rewrite.get_cache_dir = lambda file_path: pathlib.Path(os.devnull)  # noqa: ARG005


def _files(root: str) -> list[str]:
    found = []
    for folder, below, names in os.walk(root, followlinks=True):
        here = os.path.realpath(folder) + os.sep
        below[:] = [
            name for name in below if not here.startswith(os.path.realpath(os.path.join(folder, name)) + os.sep)
        ]
        found += [os.path.join(folder, name) for name in names]
    return found


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
    """Of one folder. `files`: all that there are, or None for whatever there is when somebody asks."""

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
