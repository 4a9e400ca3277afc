"""A function of the user's own, out of a file that a command was given.

The file is a program: it may import what lies beside it, and whatever it raises is its failure, SystemExit and what
`pytest.fail` raises too. Only Ctrl-C is not.
"""

from __future__ import annotations

import importlib.util
import inspect
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from coding_agent.errors import UsageError


def load_function(option: str, source: str, default: str) -> Callable[..., Any]:
    """The function that `FILE[:FN]` names. Raises UsageError saying what is wrong with it."""
    file, _, name = source.partition(":")
    name = name or default
    spec = importlib.util.spec_from_file_location(f"coding_agent_user_{default}", file)
    if not Path(file).is_file() or spec is None or spec.loader is None:
        raise UsageError(f"{option} {source}: {file} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    # Where dataclasses and pickle look it up, and where its own imports look around; ours come first.
    sys.modules[spec.name] = module
    if (folder := str(Path(file).resolve().parent)) not in sys.path:
        sys.path.append(folder)
    try:
        spec.loader.exec_module(module)
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        raise UsageError(f"{option} {source}: {file} failed to load: {told(error)}") from error
    function = getattr(module, name, None)
    if not callable(function):
        known = [key for key, value in vars(module).items() if inspect.isfunction(value)]
        raise UsageError(f"{option} {source}: no function {name!r} in {file}; it has: {', '.join(known) or 'none'}")
    if inspect.iscoroutinefunction(function):
        raise UsageError(f"{option} {source}: {name!r} is async; expected a function that answers at once")
    result: Callable[..., Any] = function
    return result


def told(error: BaseException, file: str | None = None) -> str:
    """An exception of the user's code in one line, with the line of `file` that it came from."""
    try:
        text = f"{type(error).__name__}: {' '.join(str(error).split())}"
    except Exception:  # noqa: BLE001  a class of the user's own that can not say what it means
        text = type(error).__name__
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == file]
    return f"{text} (line {lines[-1]} of {file})" if lines else text
