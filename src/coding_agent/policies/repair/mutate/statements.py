"""Mutations of statements: one too many, one missing, one in the wrong place or of the wrong kind."""

from __future__ import annotations

import ast
import textwrap
from collections.abc import Iterator

from coding_agent.policies.repair.edits import Edit
from coding_agent.policies.repair.mutate.source import Function, Source, local_names

_SIMPLE = ast.Expr | ast.Assign | ast.AugAssign | ast.Return | ast.Continue | ast.Break | ast.Raise | ast.Delete


def removed(source: Source, node: ast.AST) -> Iterator[Edit]:
    """A statement that should not be there."""
    if not isinstance(node, _SIMPLE | ast.If) or not source.alone(node) or _is_docstring(node):
        return
    start, end = source.line_span(node)
    if isinstance(node, ast.If):
        if not node.orelse and source.text[source.span(node)[0]] == "i":
            yield source.edit(start, end, "", "statement removed", 0.12, node.lineno)
        return
    prior = 0.12 if isinstance(node, ast.Assign | ast.Return) else 0.2
    yield source.edit(start, end, f"{source.indent(node)}pass\n", "statement removed", prior, node.lineno)


def kinds(source: Source, node: ast.AST) -> Iterator[Edit]:
    """A statement of the wrong kind."""
    if isinstance(node, ast.Break | ast.Continue):
        words = ("continue", "return") if isinstance(node, ast.Break) else ("break", "pass")
        for word in words:
            yield source.replace(node, word, "jump", 0.35)
    if isinstance(node, ast.Return) and node.value is not None:
        for word, prior in (("yield", 0.1), ("yield from", 0.05)):
            yield source.replace(node, f"{word} {source.segment(node.value)}", "return or yield", prior)
        if isinstance(node.value, ast.Constant | ast.Name | ast.Call | ast.List):
            yield from _other_returns(source, node)
    if isinstance(node, ast.Yield) and node.value is not None:
        yield source.replace(node, f"yield from {source.segment(node.value)}", "return or yield", 0.35)
    if isinstance(node, ast.YieldFrom):
        yield source.replace(node, f"yield {source.segment(node.value)}", "return or yield", 0.35)
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call | ast.BinOp | ast.Compare | ast.Await):
        yield source.replace(node, f"return {source.segment(node)}", "missing return", 0.3)
        if isinstance(node.value, ast.Call) and isinstance(node.value.func, ast.Name):
            yield source.replace(node, f"yield from {source.segment(node)}", "missing return", 0.1)
    if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name | ast.Attribute | ast.Subscript):
        yield from _accumulated(source, node)
    if isinstance(node, ast.If | ast.While):
        yield from _keywords(source, node)


def _other_returns(source: Source, node: ast.Return) -> Iterator[Edit]:
    assert node.value is not None
    was = source.segment(node.value)
    function = source.function_of(node)
    names = local_names(function) if function is not None else ()
    for text in ("None", "True", "False", "0", "1", "[]", '""', "[[]]", "{}"):
        if text != was:
            yield source.replace(node.value, text, "returned value", 0.1)
    for name in names:
        if name not in {was, "self", "cls"} and not isinstance(node.value, ast.Name):
            yield source.replace(node.value, name, "returned value", 0.12)
    if isinstance(node.value, ast.Name | ast.Call):
        for name in names:
            if name not in {was, "self", "cls"}:
                yield source.replace(node.value, f"{was} + {name}", "returned value", 0.05)
        yield source.replace(node.value, f"not {was}", "negation", 0.15)


def _accumulated(source: Source, node: ast.Assign) -> Iterator[Edit]:
    start, end = source.span(node.targets[0])[1], source.span(node.value)[0]
    place = source.text.find("=", start, end)
    inside_loop = any(isinstance(a, ast.For | ast.While) for a in source.ancestors(node))
    for symbol in ("+=", "-=", "*=", "|="):
        prior = (0.3 if symbol == "+=" else 0.1) if inside_loop else 0.04
        yield source.edit(place, place + 1, symbol, "accumulation", prior, node.lineno)


def _keywords(source: Source, node: ast.If | ast.While) -> Iterator[Edit]:
    start = source.span(node)[0]
    word = "while" if isinstance(node, ast.While) else "elif" if source.text.startswith("elif", start) else "if"
    others = {"while": {"if": 0.25}, "elif": {"if": 0.25}, "if": {"while": 0.25, "elif": 0.25}}[word]
    for other, prior in others.items():
        yield source.edit(start, start + len(word), other, "keyword", prior, node.lineno)
    if isinstance(node.test, ast.Name | ast.Call | ast.Compare | ast.BoolOp | ast.Attribute):
        for text in ("True", "False"):
            yield source.replace(node.test, text, "condition", 0.08)


def placed(source: Source, node: ast.AST) -> Iterator[Edit]:
    """A statement one level too deep, one too shallow, or in the wrong order with its neighbour."""
    for block in _blocks(node):
        for first, second in zip(block, block[1:], strict=False):
            if isinstance(first, _SIMPLE) and isinstance(second, _SIMPLE | ast.If) and not _is_docstring(first):
                yield from _exchanged(source, first, second)
            if isinstance(first, ast.If | ast.For | ast.While | ast.With) and isinstance(second, _SIMPLE):
                yield from _indented(source, first, second)
    if isinstance(node, ast.If | ast.For | ast.While | ast.With) and len(node.body) > 1:
        yield from _dedented(source, node)


def _exchanged(source: Source, first: ast.stmt, second: ast.stmt) -> Iterator[Edit]:
    if source.alone(first) and source.alone(second):
        (a, b), (c, d) = source.line_span(first), source.line_span(second)
        if d <= len(source.text) and source.text[a:d].endswith("\n"):
            text = source.text[c:d] + source.text[b:c] + source.text[a:b]
            yield source.edit(a, d, text, "statement order", 0.15, first.lineno)


def _indented(source: Source, around: ast.stmt, node: ast.stmt) -> Iterator[Edit]:
    (a, b), (c, d) = source.line_span(around), source.line_span(node)
    inner = source.indent(around.body[0])  # type: ignore[attr-defined]
    if source.alone(node) and b == c and source.text[a:b].endswith("\n"):
        text = inner + source.segment(node) + "\n"
        yield source.edit(c, d, text, "indentation", 0.2, node.lineno)


def _dedented(source: Source, node: ast.If | ast.For | ast.While | ast.With) -> Iterator[Edit]:
    last, first = node.body[-1], node.body[0]
    outer = source.indent(node)
    if isinstance(last, _SIMPLE) and source.alone(last) and not getattr(node, "orelse", []):
        start, end = source.line_span(last)
        moved = textwrap.indent(textwrap.dedent(source.text[start:end]), outer)
        yield source.edit(start, end, moved, "indentation", 0.25, last.lineno)
    if isinstance(first, ast.Assign) and source.alone(first) and isinstance(node, ast.For | ast.While):
        (a, _), (c, d) = source.line_span(node), source.line_span(first)
        moved = textwrap.indent(textwrap.dedent(source.text[c:d]), outer)
        yield source.edit(a, d, moved + source.text[a:c], "hoisted", 0.25, first.lineno)


def guards(source: Source, node: ast.AST) -> Iterator[Edit]:
    """An early return for an empty or missing argument, a result that is never returned, a shared default."""
    if not isinstance(node, Function) or not source.alone(node.body[0]):
        return
    body = node.body[1:] if _is_docstring(node.body[0]) and len(node.body) > 1 else node.body
    first, last = body[0], body[-1]
    indent, start = source.indent(first), source.line_span(first)[0]
    names = [a.arg for a in (*node.args.posonlyargs, *node.args.args) if a.arg not in {"self", "cls"}]
    for name in names:
        for test, values in ((f"not {name}", (name, "None", "0", "[]", '""', "False", "True")), (f"{name} is None", ("None",)),
                             (f"{name} <= 1", (name, "False", "1")), (f"{name} < 0", ("0", "None", "False"))):  # fmt: skip
            for value in values:
                text = f"{indent}if {test}:\n{indent}    return {value}\n"
                yield source.edit(start, start, text, "guard", 0.1 / max(1, len(names)), first.lineno)
    if not isinstance(last, ast.Return | ast.Raise) and source.text[: source.line_span(last)[1]].endswith("\n"):
        silent = not any(isinstance(n, ast.Return) and n.value is not None for n in ast.walk(node))
        end = source.line_span(last)[1]
        for name in (*local_names(node), "True", "False", "0", "[]"):
            prior = (0.35 if silent else 0.15) * (0.4 if name in {*names, "self", "True", "False"} else 1)
            yield source.edit(end, end, f"{indent}return {name}\n", "missing return", prior, node.lineno)
    yield from _defaults(source, node, start, indent)


def _defaults(source: Source, node: Function, start: int, indent: str) -> Iterator[Edit]:
    given = node.args.args[len(node.args.args) - len(node.args.defaults) :]
    for arg, default in zip(given, node.args.defaults, strict=True):
        if isinstance(default, ast.List | ast.Dict | ast.Set | ast.Call):
            a, b = source.span(default)
            lines = f"{indent}if {arg.arg} is None:\n{indent}    {arg.arg} = {source.text[a:b]}\n"
            text = "None" + source.text[b:start] + lines
            yield source.edit(a, start, text, "mutable default", 0.9, node.body[0].lineno)


def _blocks(node: ast.AST) -> list[list[ast.stmt]]:
    found = (getattr(node, name, None) for name in ("body", "orelse", "finalbody"))
    return [block for block in found if isinstance(block, list)]


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
