"""How long our files and functions are: what people read, so tests, benchmarks and scripts too."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
FILES = sorted(
    path for place in ("src", "tests", "benchmarks", "scripts", "examples") for path in (ROOT / place).rglob("*.py")
)


def lengths(path: Path) -> Iterator[tuple[str, int, bool]]:
    """Each place, its lines, and whether it is a function: the file first."""
    name, text = str(path.relative_to(ROOT)), path.read_text()
    yield name, text.count("\n"), False
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield f"{name}:{node.name}", (node.end_lineno or node.lineno) - node.lineno + 1, True


def longer_than(lines: int, lines_of_function: int) -> Iterator[str]:
    for path in FILES:
        for name, length, function in lengths(path):
            if length > (lines_of_function if function else lines):
                yield f"{name} has {length} lines"
