"""Mutations of constants, indexes, slices and ranges."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from coding_agent.policies.repair.edits import Edit
from coding_agent.policies.repair.mutate.source import Source


def constants(source: Source, node: ast.AST) -> Iterator[Edit]:
    """Neighbours of a number, the other truth value, empty for None, and the other constants of the same function."""
    if not isinstance(node, ast.Constant) or isinstance(source.parents.get(node), ast.JoinedStr):
        return
    value = node.value
    if isinstance(value, bool):
        yield source.replace(node, str(not value), "constant", 0.6)
        yield source.replace(node, "None", "constant", 0.1)
    elif isinstance(value, int):
        near = {str(value + 1): 0.5, _signed(value - 1): 0.5, "0": 0.3, "1": 0.3, _signed(-value): 0.2, "2": 0.12}
        for text, prior in near.items():
            if text != str(value):
                yield source.replace(node, text, "constant", prior)
        for text, prior in ((str(value * 10), 0.04), (f"{value}.0", 0.05)):
            yield source.replace(node, text, "constant", prior)
        if value == 0:
            yield source.replace(node, "float('inf')", "constant", 0.05)
            yield source.replace(node, "None", "constant", 0.1)
    elif isinstance(value, float):
        for text in ("0.0", "1.0", repr(1 / value) if value else "1.0", repr(value * 100), repr(value / 100)):
            yield source.replace(node, text, "constant", 0.15)
    elif value is None:
        for text in ("0", "[]", '""', "False", "True", "{}"):
            yield source.replace(node, text, "constant", 0.15)
    elif isinstance(value, str):
        for text in ("", " ", ", ", "\n"):
            if text != value and len(value) < 3:
                yield source.replace(node, repr(text), "constant", 0.2)
        if value != value.strip():
            yield source.replace(node, repr(value.strip()), "constant", 0.1)
    yield from _neighbours(source, node)


def _neighbours(source: Source, node: ast.Constant) -> Iterator[Edit]:
    scope = source.function_of(node) or source.tree
    seen = {source.segment(node)}
    for other in ast.walk(scope):
        if not isinstance(other, ast.Constant) or type(other.value) is not type(node.value):
            continue
        if isinstance(source.parents.get(other), ast.Expr | ast.JoinedStr) or other.value in (None, ""):
            continue
        text = source.segment(other)
        if text not in seen and len(seen) < 12:
            seen.add(text)
            yield source.replace(node, text, "other constant", 0.2)


def _signed(value: int) -> str:
    return str(value) if value >= 0 else f"({value})" if value < -1 else "-1"


def bounds(source: Source, node: ast.AST) -> Iterator[Edit]:
    """One more or one less, where a place or a bound is computed."""
    if isinstance(node, ast.Subscript) and not isinstance(node.slice, ast.Slice | ast.Constant | ast.Tuple):
        yield from _shifted(source, node.slice, 0.3)
    if isinstance(node, ast.Slice):
        yield from _slice(source, node)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        if node.func.id == "range" and not node.keywords:
            yield from _range(source, node)
        elif node.func.id == "len":
            yield source.replace(node, f"{source.segment(node)} - 1", "off by one", 0.3)
            yield source.replace(node, f"{source.segment(node)} + 1", "off by one", 0.2)
        elif (around := source.function_of(node)) is not None and around.name == node.func.id:
            for arg in node.args:
                yield from _step(source, arg)
    if isinstance(node, ast.Return) and isinstance(node.value, ast.Name | ast.BinOp | ast.Call):
        yield from _shifted(source, node.value, 0.2)
    if isinstance(node, ast.Compare) and isinstance(node.comparators[-1], ast.Name | ast.BinOp | ast.Attribute):
        yield from _shifted(source, node.comparators[-1], 0.15)
    if isinstance(node, ast.Assign) and isinstance(node.value, ast.Name | ast.BinOp):
        yield from _shifted(source, node.value, 0.15)


def _shifted(source: Source, node: ast.expr, prior: float) -> Iterator[Edit]:
    if isinstance(node, ast.Constant | ast.Starred | ast.GeneratorExp):
        return
    text = source.segment(node)
    for shift in ("+ 1", "- 1"):
        if not text.endswith(shift):
            yield source.replace(node, f"{text} {shift}", "off by one", prior)


def _step(source: Source, node: ast.expr) -> Iterator[Edit]:
    # an argument of a recursive call that does not come nearer to the end
    yield from _shifted(source, node, 0.35)
    if isinstance(node, ast.Name):
        for text in (f"{node.id}[1:]", f"{node.id}[:-1]", f"{node.id} // 2"):
            yield source.replace(node, text, "recursion", 0.2)


def _slice(source: Source, node: ast.Slice) -> Iterator[Edit]:
    start, end = source.span(node)
    text = source.text[start:end]
    colon = start + len(source.segment(node.lower)) if node.lower else start
    colon = source.text.find(":", colon if node.lower else start)
    if node.lower is not None:
        yield from _shifted(source, node.lower, 0.35)
        yield source.replace(node.lower, "", "slice", 0.2)
    else:
        yield source.edit(start, start, "1", "slice", 0.25, node.lineno)
    if node.upper is not None:
        yield from _shifted(source, node.upper, 0.35)
        yield source.replace(node.upper, "", "slice", 0.2)
    else:
        yield source.edit(colon + 1, colon + 1, "-1", "slice", 0.2, node.lineno)
    if node.step is None and text.count(":") == 1:
        yield source.edit(end, end, ":-1", "slice", 0.08, node.lineno)
    if bool(node.lower) != bool(node.upper) and node.step is None:
        only = source.segment(node.lower or node.upper or node)
        flipped = f":{only}" if node.lower else f"{only}:"
        yield source.edit(start, end, flipped, "slice", 0.4, node.lineno)


def _range(source: Source, node: ast.Call) -> Iterator[Edit]:
    if any(isinstance(arg, ast.Starred) for arg in node.args):
        return
    texts = [source.segment(arg) for arg in node.args]
    line = node.lineno
    for index, (arg, text) in enumerate(zip(node.args, texts, strict=True)):
        if index < 2 and not isinstance(arg, ast.Constant):
            yield source.replace(arg, f"{text} + 1", "range", 0.45)
            yield source.replace(arg, f"{text} - 1", "range", 0.4)
    start, end = source.span(node)
    if len(texts) == 1:
        yield source.edit(start, end, f"range(1, {texts[0]})", "range", 0.4, line)
        yield source.edit(start, end, f"range(1, {texts[0]} + 1)", "range", 0.4, line)
        yield source.edit(start, end, f"range({texts[0]} - 1, -1, -1)", "range", 0.15, line)
    if len(texts) == 2:
        yield source.edit(start, end, f"range({texts[1]})", "range", 0.2, line)
        yield source.edit(start, end, f"range({texts[1]}, {texts[0]}, -1)", "range", 0.1, line)
        yield source.edit(start, end, f"range({texts[0]}, {texts[1]}, 2)", "range", 0.05, line)
    if len(texts) == 3:
        yield source.edit(start, end, f"range({texts[0]}, {texts[1]})", "range", 0.2, line)
