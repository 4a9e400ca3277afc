"""Mutations of calls: a builtin too few, a call too many, a copy that was not made, an order that was not asked for."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from coding_agent.policies.repair.edits import Edit
from coding_agent.policies.repair.mutate.source import Source

WRAPPERS = ("abs", "len", "sorted", "str", "int", "list", "set", "sum", "bool", "float", "tuple", "reversed", "round")
METHODS = ("strip()", "lower()", "upper()", "copy()")


def wrapped(source: Source, node: ast.AST) -> Iterator[Edit]:
    """A generic builtin around a value that is returned, compared, bound, iterated or passed."""
    for value, prior in _values(node):
        if isinstance(value, ast.Starred | ast.Constant | ast.Lambda):
            continue
        text = source.segment(value)
        bare = text if isinstance(value, ast.Name | ast.Attribute | ast.Call | ast.Subscript) else f"({text})"
        for name in WRAPPERS:
            if not (isinstance(value, ast.Call) and isinstance(value.func, ast.Name) and value.func.id == name):
                yield source.replace(value, f"{name}({text})", "missing call", prior)
        for method in METHODS:
            yield source.replace(value, f"{bare}.{method}", "missing call", prior * 0.6)
        if isinstance(value, ast.Name | ast.Attribute | ast.Subscript):
            yield source.replace(value, f"{bare}[:]", "missing copy", prior)
            yield source.replace(value, f"{bare}[::-1]", "missing call", prior * 0.6)
        if isinstance(value, ast.BinOp | ast.Name):
            yield source.replace(value, f"max({text}, 0)", "clamp", prior)
            yield source.replace(value, f"-{bare}", "sign", prior)


def _values(node: ast.AST) -> list[tuple[ast.expr, float]]:
    if isinstance(node, ast.Return | ast.Yield) and node.value is not None:
        return [(node.value, 0.12)]
    if isinstance(node, ast.Assign):
        return [(node.value, 0.08)]
    if isinstance(node, ast.For | ast.comprehension):
        return [(node.iter, 0.08)]
    if isinstance(node, ast.Tuple | ast.List) and isinstance(node.ctx, ast.Load):
        return [(item, 0.05) for item in node.elts]
    if isinstance(node, ast.Dict):
        return [(value, 0.05) for value in node.values]
    if isinstance(node, ast.BinOp):
        return [(node.left, 0.04), (node.right, 0.04)]
    if isinstance(node, ast.keyword | ast.AugAssign | ast.DictComp):
        return [(node.value, 0.06)]
    if isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp):
        return [(node.elt, 0.06)]
    if isinstance(node, ast.Subscript) and not isinstance(node.slice, ast.Slice):
        return [(node.slice, 0.04)]
    if isinstance(node, ast.Compare):
        return [(node.left, 0.05), *((right, 0.05) for right in node.comparators)]
    if isinstance(node, ast.Call):
        copies = isinstance(node.func, ast.Attribute) and node.func.attr in {"append", "add", "insert"}
        return [(arg, 0.15 if copies else 0.05) for arg in node.args]
    return []


def unwrapped(source: Source, node: ast.AST) -> Iterator[Edit]:
    """A call that should not be there."""
    if not isinstance(node, ast.Call):
        return
    if len(node.args) == 1 and not node.keywords and isinstance(node.func, ast.Name):
        yield source.replace(node, source.segment(node.args[0]), "call dropped", 0.2)
    if isinstance(node.func, ast.Attribute) and not isinstance(source.parents.get(node), ast.Expr):
        start, end = source.span(node.func.value)[1], source.span(node)[1]
        yield source.edit(start, end, "", "call dropped", 0.15, node.lineno)
    if isinstance(node.func, ast.Attribute) and not node.args:
        yield source.replace(node, source.segment(node.func), "call dropped", 0.02)


def order(source: Source, node: ast.AST) -> Iterator[Edit]:
    """Sorting the other way round, looking up without failing."""
    if isinstance(node, ast.Call):
        name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
        close = source.span(node)[1] - 1
        comma = ", " if node.args or node.keywords else ""
        if name in {"sorted", "sort"} and not any(k.arg == "reverse" for k in node.keywords):
            yield source.edit(close, close, f"{comma}reverse=True", "sort order", 0.4, node.lineno)
        if name in {"get", "pop"} and len(node.args) == 1 and not node.keywords:
            for default in ("0", "[]", "None", '""', "1", "{}"):
                yield source.edit(close, close, f", {default}", "default", 0.12, node.lineno)
        if name in {"split", "rsplit"} and len(node.args) == 1:
            yield source.edit(close, close, ", 1", "default", 0.15, node.lineno)
        if name in {"min", "max"} and len(node.args) == 1 and not any(k.arg == "default" for k in node.keywords):
            yield source.edit(close, close, ", default=0", "default", 0.1, node.lineno)
    if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load) and not isinstance(node.slice, ast.Slice):
        owner, key = source.segment(node.value), source.segment(node.slice)
        for text in (f"{owner}.get({key})", f"{owner}.get({key}, 0)", f"{owner}.get({key}, [])"):
            yield source.replace(node, text, "lookup", 0.08)
