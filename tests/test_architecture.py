"""The house rules that a machine can check: who imports whom, what stays pure, how long things get."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.sizes import longer_than

ROOT = Path(__file__).parent.parent
SOURCE = ROOT / "src" / "coding_agent"
FILES = sorted(SOURCE.rglob("*.py"))

MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "events": set(),
    "store": {"events"},
    "tasks": set(),
    "sandbox": set(),
    "tools": {"events", "sandbox"},
    "projections": {"events"},
    "policies": {"events", "projections.conversation"},
    "rollout": {"events", "store", "tasks", "sandbox", "tools", "policies", "projections.conversation"},
    "replay": {"events", "store", "tasks", "sandbox", "tools", "projections", "policies", "rollout"},
    "evaluation": {"events", "store", "tasks", "sandbox", "tools", "projections", "policies", "rollout", "replay"},
    "exports": {"events", "projections"},
    "areno": {"events", "store", "tasks", "sandbox", "tools", "policies", "projections", "rollout", "evaluation"},
    "cli": {
        "areno",
        "evaluation",
        "events",
        "exports",
        "store",
        "tasks",
        "sandbox",
        "tools",
        "projections",
        "policies",
        "rollout",
        "replay",
    },
}
"""Layer → what it may know, besides itself and `errors`."""

PURE = (
    "events",
    "projections",
    "exports",
    "tasks/spec.py",
    "tasks/paths.py",
    "rollout/decide.py",
    "rollout/state.py",
    "areno/curriculum.py",
    "areno/event_file.py",
)
IMPURE = {"os", "pathlib", "time", "random", "socket", "subprocess", "anyio", "structlog"}


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Every module imported anywhere in a file, nested and TYPE_CHECKING imports too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.lineno, node.module
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def layer_of(path: Path) -> str:
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_a_layer_knows_only_the_layers_above_it(path: Path) -> None:
    layer = layer_of(path)
    if layer == "__init__":
        return
    allowed = MAY_IMPORT[layer] | {layer, "errors"}
    for line, module in imports(path):
        if not module.startswith("coding_agent."):
            continue
        inside = module.removeprefix("coding_agent.")
        fits = any(inside == name or inside.startswith(f"{name}.") for name in allowed)
        assert fits or inside == "__version__" or _is_prefix(inside, allowed), f"{path}:{line} imports {module}"


def _is_prefix(module: str, allowed: set[str]) -> bool:
    # `from coding_agent.projections import conversation` names the parent package first.
    return any(name.startswith(f"{module}.") for name in allowed)


@pytest.mark.parametrize("place", PURE)
def test_pure_modules_import_nothing_that_touches_the_world(place: str) -> None:
    root = SOURCE / place
    for path in [root] if root.is_file() else sorted(root.rglob("*.py")):
        found = [(line, module) for line, module in imports(path) if module.partition(".")[0] in IMPURE]
        assert not found, f"{path}: {found}"


def test_rollout_can_not_see_rewards() -> None:
    for path in (SOURCE / "rollout").rglob("*.py"):
        assert not any("reward" in module for _, module in imports(path))


def test_files_stay_under_450_lines_and_functions_under_60() -> None:
    assert list(longer_than(450, 60)) == []


def test_importing_the_package_reads_and_prints_nothing() -> None:
    import subprocess
    import sys

    program = "import coding_agent, coding_agent.cli.main"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout + done.stderr == b""
