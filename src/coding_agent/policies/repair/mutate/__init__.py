"""Small mutations of one Python file, each a source-level edit with a prior. Knows nothing of tests or tools."""

from __future__ import annotations

import ast
import functools
from collections.abc import Callable, Iterator

from coding_agent.policies.repair.edits import Edit, changed
from coding_agent.policies.repair.mutate import calls, constants, names, operators, statements
from coding_agent.policies.repair.mutate.source import Source, mutable_nodes, parse

OPERATORS: tuple[Callable[[Source, ast.AST], Iterator[Edit]], ...] = (
    operators.comparisons, operators.arithmetic, operators.boolean, operators.conditions,
    constants.constants, constants.bounds,
    names.variables, names.attributes, names.arguments, names.functions,
    calls.wrapped, calls.unwrapped, calls.order,
    statements.removed, statements.kinds, statements.placed, statements.guards,
)  # fmt: skip
"""Every family; a new one is one function and one entry here."""

MOST = 6000
"""Edits of one file that are looked at; a longer file is mutated from its top."""


@functools.lru_cache(maxsize=32)
def mutants(path: str, text: str) -> tuple[Edit, ...]:
    """Edits that give another text each, likeliest first; whether the result parses is `viable`'s question."""
    source = parse(path, text)
    if source is None:
        return ()
    best: dict[tuple[int, int, str], Edit] = {}
    for node in mutable_nodes(source):
        for operator in OPERATORS:
            for edit in operator(source, node):
                key = (edit.start, edit.end, edit.text)
                if text[edit.start : edit.end] != edit.text and (key not in best or best[key].prior < edit.prior):
                    best[key] = edit
        if len(best) > MOST:
            break
    return tuple(sorted(best.values(), key=lambda e: (-e.prior, e.start, e.end, e.text)))


@functools.lru_cache(maxsize=8192)
def viable(text: str, edit: Edit) -> bool:
    """The mutant is Python, and another program than before."""
    try:
        tree = ast.parse(changed(text, edit))
    except (SyntaxError, ValueError, RecursionError):
        return False
    # only parentheses can change a text and leave the program what it was
    return edit.family != "grouping" or ast.dump(tree) != _shape(text)


@functools.lru_cache(maxsize=32)
def _shape(text: str) -> str:
    return ast.dump(ast.parse(text))
