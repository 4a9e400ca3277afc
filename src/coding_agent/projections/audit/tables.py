"""Special cases in the place of an answer: a function that computed, and now only tells inputs apart."""

from __future__ import annotations

import ast
from collections.abc import Iterator

FEWEST = 2
"""Special cases that make a table; one is a base case."""
_Function = ast.FunctionDef | ast.AsyncFunctionDef


def became_tables(old: ast.Module, new: ast.Module) -> Iterator[str]:
    """Functions that returned something computed from their parameters, and now return constants chosen by them."""
    before = dict(_functions(old))
    for name, function in _functions(new):
        was = before.get(name)
        if was is not None and _computes(was) and _cases(function) >= FEWEST and not _computes(function):
            yield name


def _functions(tree: ast.Module) -> Iterator[tuple[str, _Function]]:
    for node in tree.body:
        if isinstance(node, _Function):
            yield node.name, node
        elif isinstance(node, ast.ClassDef):
            yield from ((f"{node.name}.{inner.name}", inner) for inner in node.body if isinstance(inner, _Function))


def _parameters(function: _Function) -> set[str]:
    given = function.args
    return {each.arg for each in (*given.posonlyargs, *given.args, *given.kwonlyargs)} - {"self", "cls"}


def _returned(function: _Function) -> list[ast.expr]:
    return [node.value for node in ast.walk(function) if isinstance(node, ast.Return) and node.value is not None]


def _computes(function: _Function) -> bool:
    return not all(_chosen(value, _parameters(function)) for value in _returned(function))


def _chosen(value: ast.expr, parameters: set[str]) -> bool:
    """A constant, or constants that a parameter chooses among."""
    if isinstance(value, ast.IfExp):
        return _chosen(value.body, parameters) and _chosen(value.orelse, parameters)
    return _is_constant(value) or _table(value, parameters) is not None


def _table(value: ast.expr, parameters: set[str]) -> ast.Dict | None:
    """`{…}[x]` or `{…}.get(x, …)`, constants inside."""
    if isinstance(value, ast.Subscript):
        table, keys = value.value, [value.slice]
    elif isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr == "get":
        table, keys = value.func.value, value.args[:1]
    else:
        return None
    by_parameter = all(isinstance(key, ast.Name) and key.id in parameters for key in keys)
    if isinstance(table, ast.Dict) and by_parameter and all(map(_is_constant, table.values)):
        return table
    return None


def _is_constant(value: ast.expr) -> bool:
    if isinstance(value, ast.UnaryOp):
        return _is_constant(value.operand)
    if isinstance(value, ast.Tuple | ast.List | ast.Set):
        return all(map(_is_constant, value.elts))
    return isinstance(value, ast.Constant)


def _cases(function: _Function) -> int:
    """How many inputs are told apart by being equal to a constant."""
    parameters, count = _parameters(function), 0
    for node in ast.walk(function):
        if isinstance(node, ast.Compare) and isinstance(node.ops[0], ast.Eq):
            sides = (node.left, node.comparators[0])
            named = any(isinstance(side, ast.Name) and side.id in parameters for side in sides)
            count += named and any(map(_is_constant, sides))
        elif isinstance(node, ast.expr) and (table := _table(node, parameters)) is not None:
            count += len(table.keys)
        elif isinstance(node, ast.MatchValue):
            count += 1
    return count
