"""Patterns in which files were changed, whatever is in them."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

import attrs

RUNNER = frozenset({"pytest", "_pytest", "py", "pluggy", "iniconfig", "packaging", "pygments", "exceptiongroup"})
USED_BY_RUNNER = frozenset(
    re.findall(
        r"\w+",
        "abc argparse ast atexit bdb bisect builtins collections configparser contextlib contextvars copy dataclasses "
        "datetime decimal difflib dis doctest enum errno faulthandler fnmatch functools gc getpass glob importlib "
        "inspect io itertools json keyword linecache locale logging math numbers operator os pathlib pdb pickle "
        "platform posixpath pprint queue random re reprlib runpy selectors shlex shutil signal site socket stat string "
        "struct subprocess sys sysconfig tempfile textwrap threading time timeit token tokenize traceback types typing "
        "unittest uuid warnings weakref xml zipfile zipimport zlib",
    )
)
"""Fixed here, and not asked of the interpreter: an audit says the same on every Python."""
OWN_CONFIG = frozenset({"pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml"})
SHARED_CONFIG = frozenset({"tox.ini", "setup.cfg", "pyproject.toml"})
_SECTION = re.compile(r"^\[(?:pytest|tool:pytest|tool\.pytest[\w.]*)\]", re.MULTILINE)
_DECIDES = re.compile(
    r"^[ \t]*(?:addopts|testpaths|python_\w+|norecursedirs|collect_\w+|usefixtures|filterwarnings|pythonpath)\b.*",
    re.MULTILINE,
)
_TEST_FILE = re.compile(r"(?:^|/)(?:test_[^/]*|[^/]*_test)\.py$")
_TEST_FOLDER = re.compile(r"(?:^|/)tests?/")


@attrs.frozen(kw_only=True)
class Edit:
    """One path's change: its text before and after, None for no file or no text; as it was when the task began."""

    path: str
    kind: str
    old: str | None
    new: str | None
    of_task: bool
    """The task had this path."""


def is_test(path: str) -> bool:
    """By the conventions of pytest and unittest: a test file, or anything in a folder of tests."""
    return bool(_TEST_FILE.search(path) or _TEST_FOLDER.search(path)) or path.endswith("conftest.py")


def path_findings(edit: Edit) -> Iterator[tuple[str, str]]:
    """(code, evidence) for one change."""
    name = posixpath.basename(edit.path)
    if edit.kind == "delete":
        if edit.of_task and is_test(edit.path):
            yield "AUD-TEST-GONE", "deleted"
        return
    if edit.kind == "symlink":
        yield from _link(edit)
        return
    if name in {"sitecustomize.py", "usercustomize.py"} or name.endswith(".pth"):
        yield "AUD-STARTUP", name
    if name.endswith((".so", ".pyd")):
        yield "AUD-BINARY", name
    if name == "conftest.py":
        yield "AUD-CONFTEST", f"{edit.kind} {edit.path}"
    if edit.kind == "add" and not edit.of_task:
        yield from _shadow(edit.path)
    yield from _configuration(edit, name)


def _link(edit: Edit) -> Iterator[tuple[str, str]]:
    target = edit.new or ""
    inside = posixpath.normpath(posixpath.join(posixpath.dirname(edit.path), target))
    if (target.startswith("/") and not target.startswith("/workspace")) or inside.startswith("../"):
        yield "AUD-LINK", f"-> {target}"
    if is_test(edit.path) or is_test(f"{edit.path}/"):
        yield "AUD-TEST-GONE", f"replaced by a link to {target}"


def _shadow(path: str) -> Iterator[tuple[str, str]]:
    top, _, rest = path.partition("/")
    module = top.removesuffix(".py") if not rest else top
    if rest not in {"", "__init__.py"} or (not rest and not top.endswith(".py")):
        return
    if module in RUNNER:
        yield "AUD-SHADOW-RUNNER", module
    elif module in USED_BY_RUNNER:
        yield "AUD-SHADOW", module


def _configuration(edit: Edit, name: str) -> Iterator[tuple[str, str]]:
    text = edit.new or ""
    if "pytest11" in text and (name == "entry_points.txt" or name in SHARED_CONFIG or name == "setup.py"):
        yield "AUD-PLUGIN", f"pytest11 in {name}"
    if name in OWN_CONFIG or (name in SHARED_CONFIG and _SECTION.search(text)):
        before = set(_DECIDES.findall(edit.old or ""))
        for line in _DECIDES.findall(text):
            if line not in before:
                yield "AUD-CONFIG", line.strip()
