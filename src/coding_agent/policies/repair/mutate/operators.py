"""Mutations of operators: comparisons, arithmetic, boolean logic, negation, grouping."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from coding_agent.policies.repair.edits import Edit
from coding_agent.policies.repair.mutate.source import Source

SYMBOLS: dict[type[ast.AST], str] = {
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=",
    ast.Is: "is", ast.IsNot: "is not", ast.In: "in", ast.NotIn: "not in",
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%", ast.Pow: "**",
    ast.LShift: "<<", ast.RShift: ">>", ast.BitAnd: "&", ast.BitOr: "|", ast.BitXor: "^",
    ast.And: "and", ast.Or: "or",
}  # fmt: skip
COMPARISONS: dict[str, dict[str, float]] = {
    "<": {"<=": 0.9, ">": 0.6, ">=": 0.5, "!=": 0.15},
    "<=": {"<": 0.9, ">=": 0.6, ">": 0.5, "==": 0.15},
    ">": {">=": 0.9, "<": 0.6, "<=": 0.5, "!=": 0.15},
    ">=": {">": 0.9, "<=": 0.6, "<": 0.5, "==": 0.15},
    "==": {"!=": 0.6, ">=": 0.3, "<=": 0.3, "in": 0.15, "is": 0.05},
    "!=": {"==": 0.6, "<": 0.25, ">": 0.25, "not in": 0.1},
    "is": {"is not": 0.6, "==": 0.3},
    "is not": {"is": 0.6, "!=": 0.3},
    "in": {"not in": 0.6, "==": 0.1},
    "not in": {"in": 0.6, "!=": 0.1},
}
ARITHMETIC: dict[str, dict[str, float]] = {
    "+": {"-": 0.65, "*": 0.35},
    "-": {"+": 0.65, "%": 0.1},
    "*": {"/": 0.35, "+": 0.35, "**": 0.25, "//": 0.25},
    "/": {"//": 0.6, "*": 0.5, "%": 0.15},
    "//": {"/": 0.6, "%": 0.4, "*": 0.3},
    "%": {"//": 0.4, "/": 0.3, "*": 0.2},
    "**": {"*": 0.5},
    "<<": {">>": 0.6},
    ">>": {"<<": 0.6},
    "&": {"|": 0.5, "^": 0.35, "-": 0.1},
    "|": {"&": 0.5, "^": 0.35},
    "^": {"&": 0.5, "|": 0.45, "**": 0.3},
}
ORDERED = {"-", "/", "//", "%", "**", "<<", ">>"}


def comparisons(source: Source, node: ast.AST) -> Iterator[Edit]:
    """Flips and boundaries; `a < b` with its sides exchanged is already a flip."""
    if not isinstance(node, ast.Compare):
        return
    left = node.left
    for op, right in zip(node.ops, node.comparators, strict=True):
        symbol = SYMBOLS[type(op)]
        yield from _flips(source, left, right, symbol, COMPARISONS[symbol], "comparison")
        left = right
    if len(node.ops) > 1:
        yield from _halves(source, node)


def _halves(source: Source, node: ast.Compare) -> Iterator[Edit]:
    start, end = source.span(node)
    first_end, last_start = source.span(node.comparators[-2])[1], source.span(node.comparators[0])[0]
    # `a < b < c` where the one or the other half is a mistake
    yield source.edit(first_end, end, "", "comparison", 0.1, node.lineno)
    if source.span(node.left)[0] == start:
        yield source.edit(start, last_start, "", "comparison", 0.1, node.lineno)


def arithmetic(source: Source, node: ast.AST) -> Iterator[Edit]:
    """Another operator, exchanged operands, or one operand alone."""
    if isinstance(node, ast.AugAssign):
        symbol = SYMBOLS.get(type(node.op), "")
        flips = {f"{new}=": prior for new, prior in ARITHMETIC.get(symbol, {}).items()} | {"=": 0.25}
        yield from _flips(source, node.target, node.value, f"{symbol}=", flips, "arithmetic")
    if not isinstance(node, ast.BinOp):
        return
    symbol = SYMBOLS.get(type(node.op), "")
    yield from _flips(source, node.left, node.right, symbol, ARITHMETIC.get(symbol, {}), "arithmetic")
    left, right = source.wide(node.left, node), source.wide(node.right, node)
    swap = 0.4 if symbol in ORDERED else 0.12
    yield source.replace(node, f"{right} {symbol} {left}", "operands", swap)
    yield source.replace(node, left, "operand", 0.2)
    yield source.replace(node, right, "operand", 0.15)
    yield from _regrouped(source, node)


def _regrouped(source: Source, node: ast.BinOp) -> Iterator[Edit]:
    # parentheses that are already there close one of the new ones, and so `(a + b) * c` becomes `(a + (b) * c)`
    start, end = source.span(node)
    for inner in (node.left, node.right):
        if not isinstance(inner, ast.BinOp):
            continue
        low, high = source.span(inner.left)[1], source.span(inner.right)[0]
        symbol = SYMBOLS.get(type(inner.op), "@")
        place = source.text.find(symbol, low, high)
        if inner is node.left:
            place += len(symbol)
            text = f"{source.text[start:place]} ({source.text[place:end].lstrip()})"
        else:
            text = f"({source.text[start:place].rstrip()}) {source.text[place:end]}"
        yield source.edit(start, end, text, "grouping", 0.3, node.lineno)


def boolean(source: Source, node: ast.AST) -> Iterator[Edit]:
    """`and` for `or`, an operand too many, a `not` too many or too few."""
    if isinstance(node, ast.BoolOp):
        symbol = SYMBOLS[type(node.op)]
        other = "or" if symbol == "and" else "and"
        for left, right in zip(node.values, node.values[1:], strict=False):
            yield from _flips(source, left, right, symbol, {other: 0.65}, "boolean")
        for index, value in enumerate(node.values):
            rest = [source.wide(v, node) for i, v in enumerate(node.values) if i != index]
            yield source.replace(node, f" {symbol} ".join(rest), "condition dropped", 0.3)
            yield source.replace(value, f"not ({source.segment(value)})", "negation", 0.15)
    if isinstance(node, ast.UnaryOp):
        operand = source.segment(node.operand)
        prior = 0.6 if isinstance(node.op, ast.Not) else 0.4
        yield source.replace(node, operand, "negation" if isinstance(node.op, ast.Not) else "sign", prior)
    for test in _tests(node):
        text = source.segment(test)
        compared = isinstance(test, ast.Compare) and len(test.ops) == 1
        yield source.replace(test, f"not ({text})", "negation", 0.05 if compared else 0.5)
    if isinstance(node, ast.comprehension):
        for test in node.ifs:
            start = source.text.rfind("if", 0, source.span(test)[0])
            yield source.edit(start, source.span(test)[1], "", "condition dropped", 0.2, test.lineno)


def conditions(source: Source, node: ast.AST) -> Iterator[Edit]:
    """A test that needs one more condition: the truth of a name, or a bound, known in the same function."""
    if not isinstance(node, ast.If | ast.While | ast.IfExp):
        return
    text = source.segment(node.test)
    names = dict.fromkeys(n.id for n in ast.walk(node.test) if isinstance(n, ast.Name))
    for name in names:
        yield source.replace(node.test, f"{name} and ({text})", "condition added", 0.15)
        yield source.replace(node.test, f"not {name} or {text}", "condition added", 0.15)
        yield source.replace(node.test, f"{name} is not None and ({text})", "condition added", 0.1)


def _tests(node: ast.AST) -> list[ast.expr]:
    if isinstance(node, ast.If | ast.While | ast.IfExp | ast.Assert):
        return [node.test]
    return list(node.ifs) if isinstance(node, ast.comprehension) else []


def _flips(
    source: Source, left: ast.AST, right: ast.AST, symbol: str, flips: dict[str, float], family: str
) -> Iterator[Edit]:
    start, end = source.span(left)[1], source.span(right)[0]
    place = source.text.find(symbol, start, end)
    if place < 0 or not symbol:
        return
    line = source.text.count("\n", 0, place) + 1
    for new, prior in flips.items():
        yield source.edit(place, place + len(symbol), new, family, prior, line)
