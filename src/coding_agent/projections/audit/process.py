"""Patterns in what code does to the process that it is in, and to what that process will import."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator

_Called = Callable[[ast.expr], str]
"""The dotted name that an expression stands for, or nothing."""
_TRACES = frozenset({"sys.settrace", "sys.setprofile", "threading.settrace", "threading.setprofile"})
_STEERS = frozenset({"f_trace", "f_lineno", "f_trace_opcodes"})
_SOURCE = re.compile(r"^[\w./-]*\.py$|^(?:[\w./-]*/)?(?:\.?pytest\.(?:ini|toml)|tox\.ini|setup\.cfg|pyproject\.toml)$")
_BYTECODE = re.compile(r"^[\w./-]*(?:__pycache__|\.pyc)(?:$|[/.])")
_RUNNERS = re.compile(r"^(?:builtins$|pytest\b|_pytest\b|pluggy\b|unittest\b)")
_HARNESS = re.compile(r"^/opt/(?:runtime|site)\b|coding_agent_runtime")
_WRITING = re.compile(r"[wax+]")


def process_findings(tree: ast.Module, called: _Called, *, test: bool) -> Iterator[tuple[str, ast.AST]]:
    """(code, node) for one version of a file."""
    for node in ast.walk(tree):
        yield from ((code, node) for code in _node(node, called))
    yield from _at_import(tree, called)
    if not test:
        yield from _making_code(tree, called)


def _node(node: ast.AST, called: _Called) -> Iterator[str]:
    match node:
        case ast.Call(func=func, args=args):
            name = called(func)
            if name in _TRACES or name.startswith("sys.monitoring."):
                yield "AUD-TRACE"
            elif name == "setattr" and args and called(args[0]) in {"builtins", "__builtins__"}:
                yield "AUD-BUILTINS"
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                yield from _assigned(target, called)
                if isinstance(target, ast.Attribute) and target.attr == "__module__" and _is_runner(value):
                    yield "AUD-BORROWED"
        case ast.Dict(keys=names, values=values):
            for key, said in zip(names, values, strict=True):
                if isinstance(key, ast.Constant) and key.value == "__module__" and _is_runner(said):
                    yield "AUD-BORROWED"
        case ast.Constant(value=str() as text) if _HARNESS.search(text):
            yield "AUD-HARNESS"


def _is_runner(value: ast.expr) -> bool:
    return isinstance(value, ast.Constant) and isinstance(value.value, str) and bool(_RUNNERS.search(value.value))


def _assigned(target: ast.expr, called: _Called) -> Iterator[str]:
    match target:
        case ast.Attribute(attr=attr, value=value):
            if attr in _STEERS:
                yield "AUD-TRACE"
            elif called(value) in {"builtins", "__builtins__"}:
                yield "AUD-BUILTINS"
        case ast.Subscript(value=value, slice=key):
            if called(value) in {"__builtins__", "builtins.__dict__"}:
                yield "AUD-BUILTINS"
            elif called(value) == "sys.modules" and not isinstance(key, ast.Constant) and not _of_itself(key):
                yield "AUD-IMPORTS"


def _of_itself(key: ast.expr) -> bool:
    """A module may replace itself, or name what is below it."""
    return any(isinstance(node, ast.Name) and node.id in {"__name__", "__package__"} for node in ast.walk(key))


def _at_import(tree: ast.Module, called: _Called) -> Iterator[tuple[str, ast.AST]]:
    """What happens to whoever imports the module: a second process, a thread that goes on."""
    waiting: list[ast.AST] = [*tree.body]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        if isinstance(node, ast.If) and "__main__" in ast.dump(node.test):
            continue
        if isinstance(node, ast.Call):
            name = called(node.func)
            if name in {"os.fork", "os.forkpty", "pty.fork"}:
                yield "AUD-FORK", node
            elif name in {"threading.Thread", "threading.Timer", "_thread.start_new_thread"}:
                yield "AUD-THREAD", node
        waiting += ast.iter_child_nodes(node)


def _making_code(tree: ast.Module, called: _Called) -> Iterator[tuple[str, ast.AST]]:
    """Names a file of code or of pytest's configuration, or bytecode, and in the same file writes files."""
    if not any(isinstance(node, ast.Call) and _writes(node, called) for node in ast.walk(tree)):
        return
    for code, pattern in (("AUD-MAKES-CODE", _SOURCE), ("AUD-BYTECODE", _BYTECODE)):
        named = [
            node for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and pattern.search(node.value)
        ]  # fmt: skip
        if named:
            yield code, named[0]


def _writes(node: ast.Call, called: _Called) -> bool:
    if isinstance(node.func, ast.Attribute) and node.func.attr in {"write_text", "write_bytes"}:
        return True
    modes = [*node.args[1:2], *(word.value for word in node.keywords if word.arg == "mode")]
    return called(node.func) in {"open", "io.open"} and any(
        isinstance(mode, ast.Constant) and isinstance(mode.value, str) and _WRITING.search(mode.value) for mode in modes
    )
