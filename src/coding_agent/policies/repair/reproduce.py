"""A test made from the examples in the statement and in docstrings, for when no visible test fails. Pure text work."""

from __future__ import annotations

import ast
import doctest
import re
from collections.abc import Iterator

import attrs

from coding_agent.policies.repair.localise import sources
from coding_agent.policies.repair.state import Facts

NAMES = ("tests/test_reproduction.py", "tests/test_reproduction_of_examples.py")
MOST = 40
"""Examples that are used."""


@attrs.frozen(kw_only=True)
class Example:
    """Code, and the text or value that it should give."""

    code: str
    expected: str
    module: str


def path_of(facts: Facts) -> str:
    """Where the reproduction goes: a name that the repository does not use."""
    return next((name for name in NAMES if name not in (facts.listing or ())), NAMES[-1])


def test_file(facts: Facts) -> str | None:
    """The test, or None when there is no example to make it from."""
    modules = {p: t for p in sources(facts.listing or ()) if (t := facts.current.get(p)) is not None}
    examples = list(dict.fromkeys(_examples(facts.statement, modules)))[:MOST]
    if not examples:
        return None
    parts = [HEADER]
    for index, example in enumerate(examples):
        parts.append(
            f"\n\ndef test_example_{index}():\n"
            f"    names = names_of({example.module!r})\n"
            f"    check({example.code!r}, {example.expected!r}, names)\n"
        )
    return "".join(parts)


HEADER = '''\
"""The examples of the task, as tests."""

import ast
import importlib


def names_of(place):
    # src/ and lib/ may be on the path, or be packages
    names = [place.split(".", 1)[1], place] if place.startswith(("src.", "lib.")) else [place]
    for name in names:
        try:
            return dict(vars(importlib.import_module(name)))
        except ModuleNotFoundError:
            if name == names[-1]:
                raise


def check(code, expected, names):
    *before, last = ast.parse(code).body
    exec(compile(ast.Module(before, []), "<example>", "exec"), names)
    found = eval(compile(ast.Expression(last.value), "<example>", "eval"), names)
    try:
        value = ast.literal_eval(expected)
    except (ValueError, SyntaxError):
        assert repr(found) == expected
    else:
        assert found == value
'''


def _examples(statement: str, modules: dict[str, str]) -> Iterator[Example]:
    owners = {name: path for path, text in modules.items() for name in _defined(text)}
    for path, text in modules.items():
        for block in _docstrings(text):
            yield from _in_text(block, _dotted(path), owners, at_home=True)
    yield from _in_text(statement, "", owners, at_home=False)


def _in_text(text: str, module: str, owners: dict[str, str], *, at_home: bool) -> Iterator[Example]:
    before: list[str] = []
    try:
        found = doctest.DocTestParser().get_examples(text)
    except ValueError:
        found = []
    pairs = [(example.source.strip(), example.want.strip()) for example in found]
    pairs += [
        (m[1], m[2])
        for m in re.finditer(r"^\s*(?:assert )?([A-Za-z_]\w*\(.*\)) *(?:==|=>|->|➞|→) *(\S.*?)\s*$", text, re.MULTILINE)
    ]
    for code, want in pairs:
        if not want or "\n" in want or want.startswith("Traceback"):
            before.append(code)
            continue
        whole = "\n".join([*before, code]) if code.count("\n") == 0 else code
        home = module if at_home else _home(whole, owners)
        if home and _runs(whole) and _names_known(whole, owners):
            yield Example(code=whole, expected=want, module=home)


def _runs(code: str) -> bool:
    try:
        body = ast.parse(code).body
    except (SyntaxError, ValueError):
        return False
    return bool(body) and isinstance(body[-1], ast.Expr)


def _names_known(code: str, owners: dict[str, str]) -> bool:
    called = (n.func for n in ast.walk(ast.parse(code)) if isinstance(n, ast.Call))
    return any(isinstance(func, ast.Name) and func.id in owners for func in called)


def _home(code: str, owners: dict[str, str]) -> str:
    return next((_dotted(owners[word]) for word in re.findall(r"\w+", code) if word in owners), "")


def _defined(text: str) -> list[str]:
    try:
        body = ast.parse(text).body
    except (SyntaxError, ValueError):
        return []
    return [n.name for n in body if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)]


def _docstrings(text: str) -> Iterator[str]:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError):
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            yield ast.get_docstring(node) or ""


def _dotted(path: str) -> str:
    parts = path.removesuffix(".py").split("/")
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)
