"""Which lines are to blame: traced lines, tracebacks and imports become one number per line. Pure."""

from __future__ import annotations

import ast
import functools
import math
from collections.abc import Iterable, Mapping, Sequence

from coding_agent.policies.repair.batch import Coverage
from coding_agent.policies.repair.texts import Failure


def is_test(path: str) -> bool:
    """A file that belongs to the tests and so is never edited."""
    parts = path.split("/")
    name = parts[-1]
    inside = any(part in {"tests", "test", "testing"} for part in parts[:-1])
    return inside or name.startswith(("test_", "conftest")) or name.endswith("_test.py")


def sources(listing: Sequence[str]) -> tuple[str, ...]:
    """The Python files that may be at fault."""
    return tuple(path for path in listing if path.endswith(".py") and not is_test(path) and path != "setup.py")


def line_blame(failures: Sequence[Failure], coverage: Coverage | None, path: str) -> dict[int, float]:
    """Suspicion of the lines of one file, 0 to 1 (Ochiai over the traced tests, frames of the tracebacks on top)."""
    blame: dict[int, float] = {}
    if coverage is not None:
        for line, (fails, passes) in coverage.lines.get(path, {}).items():
            if fails:
                blame[line] = fails / math.sqrt(max(coverage.failing, 1) * (fails + passes))
    for failure in failures:
        for depth, step in enumerate(reversed(failure.trace)):
            if step.file == path:
                blame[step.line] = max(blame.get(step.line, 0.0), 0.9 - 0.1 * min(depth, 5))
    return blame


def suspect_files(
    listing: Sequence[str], failures: Sequence[Failure], coverage: Coverage | None, tests: Mapping[str, str]
) -> list[str]:
    """Source files, most suspect first; those that nothing points to come last."""
    imported = {module for text in tests.values() for module in _imports(text)}
    scores = {}
    for path in sources(listing):
        blame = line_blame(failures, coverage, path)
        dotted = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        named = any(dotted == m or dotted.endswith("." + m) for m in imported)
        scores[path] = max(blame.values(), default=0.0) + (0.3 if named else 0.0)
    return sorted(scores, key=lambda path: (-round(scores[path], 6), path))


@functools.lru_cache(maxsize=64)
def _imports(text: str) -> frozenset[str]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError):
        return frozenset()
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return frozenset(found)


HINTS: Mapping[str, Mapping[str, float]] = {
    "IndexError": {"off by one": 2, "range": 2, "comparison": 1.5, "guard": 2, "slice": 1.5, "condition added": 1.5},
    "KeyError": {"lookup": 3, "default": 2, "guard": 1.5, "attribute": 1.3, "other constant": 2},
    "RecursionError": {"guard": 2, "recursion": 3, "off by one": 2, "comparison": 1.5},
    "ZeroDivisionError": {"guard": 3, "condition added": 2, "clamp": 1.5, "constant": 1.5},
    "AttributeError": {"kin": 1.5, "attribute": 2, "guard": 2, "condition added": 2, "missing return": 2},
    "NameError": {"variable": 3, "attribute": 3},
    "UnboundLocalError": {"variable": 2, "indentation": 2, "hoisted": 2},
    "TypeError": {"missing call": 2, "guard": 2, "missing return": 3, "argument order": 1.5, "return or yield": 2,
                  "condition added": 1.5, "default": 1.5, "argument dropped": 1.5, "argument passed on": 1.5},
    "RuntimeError": {"missing copy": 2, "missing call": 2},
}  # fmt: skip


def hints(failures: Iterable[Failure]) -> dict[str, float]:
    """How much likelier the failures make each family of mutation."""
    out: dict[str, float] = {}
    for failure in failures:
        told = dict(HINTS.get(failure.exception, {}))
        message = failure.message
        if message.startswith("assert None") or "NoneType" in message:
            told |= {"missing return": 4, "return or yield": 2}
        if "generator" in message or "not iterable" in message:
            told |= {"return or yield": 4, "missing call": 1.5}
        if "did not raise" in message.lower():
            told |= {"comparison": 1.3, "boolean": 1.5, "negation": 1.5, "exception": 1.3}
        for family, factor in told.items():
            out[family] = max(out.get(family, 1.0), factor)
    return out
