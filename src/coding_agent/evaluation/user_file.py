"""A function of the user's own, out of a file that a command was given."""

from __future__ import annotations

import importlib.util
import inspect
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
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise UsageError(f"{option} {source}: {file} failed to load: {type(error).__name__}: {error}") from error
    function = getattr(module, name, None)
    if not callable(function):
        known = [key for key, value in vars(module).items() if inspect.isfunction(value)]
        raise UsageError(f"{option} {source}: no function {name!r} in {file}; it has: {', '.join(known) or 'none'}")
    result: Callable[..., Any] = function
    return result
