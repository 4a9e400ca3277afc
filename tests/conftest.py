"""Every async test runs on asyncio and on trio."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from hypothesis import settings

from tests.grouping import pytest_xdist_make_scheduler  # noqa: F401  a hook

# How long an example takes is the machine's affair.
settings.register_profile("suite", deadline=None)
settings.load_profile("suite")

SOURCE = Path(__file__).parent.parent / "src"


@pytest.fixture(params=["asyncio", "trio"])
def anyio_backend(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Name what has grown past 300 lines, or 40 of a function; `test_architecture` fails at 450 and 60."""
    for path in sorted(SOURCE.rglob("*.py")):
        text = path.read_text()
        if (lines := text.count("\n")) > 300:
            terminalreporter.write_line(f"long: {path.relative_to(SOURCE)} has {lines} lines")
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                if length > 40:
                    terminalreporter.write_line(f"long: {path.relative_to(SOURCE)}:{node.name} has {length} lines")
