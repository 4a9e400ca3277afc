"""One parsed file: where each node stands in the text, what is around it, which names it could use."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator

import attrs

from coding_agent.policies.repair.edits import Edit

Function = ast.FunctionDef | ast.AsyncFunctionDef


@attrs.frozen(kw_only=True, eq=False)
class Source:
    """A file's text, its tree, and where lines begin."""

    path: str
    text: str
    tree: ast.Module
    starts: tuple[int, ...]
    parents: dict[ast.AST, ast.AST]

    def span(self, node: ast.AST) -> tuple[int, int]:
        """Character offsets of a node that has a place."""
        return (
            self._offset(node.lineno, node.col_offset),  # type: ignore[attr-defined]
            self._offset(node.end_lineno, node.end_col_offset),  # type: ignore[attr-defined]
        )

    def segment(self, node: ast.AST) -> str:
        """The text of a node."""
        start, end = self.span(node)
        return self.text[start:end]

    def _offset(self, line: int, column: int) -> int:
        start = self.starts[line - 1]
        row = self.text[start : start + column]
        if row.isascii():
            return start + column
        end = self.starts[line] if line < len(self.starts) else len(self.text)
        return start + len(self.text[start:end].encode()[:column].decode(errors="ignore"))

    def wide(self, node: ast.AST, within: ast.AST) -> str:
        """The text of an operand of `within`, with the parentheses around it."""
        (start, end), (low, high) = self.span(node), self.span(within)
        while True:
            left, right = self.text[low:start].rstrip(), self.text[end:high]
            if not (left.endswith("(") and right.lstrip().startswith(")")):
                return self.text[start:end]
            start, end = low + len(left) - 1, end + right.index(")") + 1

    def line_span(self, node: ast.stmt) -> tuple[int, int]:
        """Whole lines of a statement, its newline and decorators included."""
        first = min([node.lineno, *(d.lineno for d in getattr(node, "decorator_list", []))])
        last = node.end_lineno or node.lineno
        end = self.starts[last] if last < len(self.starts) else len(self.text)
        return self.starts[first - 1], end

    def indent(self, node: ast.stmt) -> str:
        """The white space before a statement that begins its line."""
        start = self.starts[node.lineno - 1]
        row = self.text[start : self.span(node)[0]]
        return row if not row.strip() else row[: len(row) - len(row.lstrip())]

    def alone(self, node: ast.stmt) -> bool:
        """The statement has its lines to itself."""
        start, end = self.line_span(node)
        return self.text[start:end].strip().startswith(self.segment(node)[:1]) and ";" not in self.text[start:end]

    def replace(self, node: ast.AST, text: str, family: str, prior: float) -> Edit:
        """The edit that puts `text` in the place of a node."""
        start, end = self.span(node)
        return self.edit(start, end, text, family, prior, node.lineno)  # type: ignore[attr-defined]

    def edit(self, start: int, end: int, text: str, family: str, prior: float, line: int) -> Edit:
        """The edit of a span."""
        was, now = _short(self.text[start:end]), _short(text)
        note = f"{was} → {now}" if was and now else (f"insert {now}" if now else f"remove {was}")
        return Edit(path=self.path, start=start, end=end, text=text, line=line, family=family, prior=prior, note=note)

    def function_of(self, node: ast.AST) -> Function | None:
        """The innermost function around a node, the node itself left out."""
        return next((n for n in self.ancestors(node) if isinstance(n, Function)), None)

    def class_of(self, node: ast.AST) -> ast.ClassDef | None:
        """The innermost class around a node."""
        return next((n for n in self.ancestors(node) if isinstance(n, ast.ClassDef)), None)

    def ancestors(self, node: ast.AST) -> Iterator[ast.AST]:
        """Outwards, the node itself left out."""
        while (parent := self.parents.get(node)) is not None:
            yield parent
            node = parent

    def statement_of(self, node: ast.AST) -> ast.stmt | None:
        """The innermost statement that a node is part of."""
        return next((n for n in (node, *self.ancestors(node)) if isinstance(n, ast.stmt)), None)


def _short(text: str) -> str:
    words = " ".join(text.split())
    return f"`{words if len(words) <= 60 else words[:57] + '…'}`" if words else ""


@functools.lru_cache(maxsize=64)
def parse(path: str, text: str) -> Source | None:
    """None when the text is not Python."""
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None
    starts = [0]
    for line in text.split("\n"):
        starts.append(starts[-1] + len(line) + 1)
    parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}
    return Source(path=path, text=text, tree=tree, starts=tuple(starts[:-1]), parents=parents)


@functools.lru_cache(maxsize=4096)
def local_names(function: Function) -> tuple[str, ...]:
    """Parameters and names bound in a function, in order of appearance; nested scopes left out."""
    spec = function.args
    every = [*spec.posonlyargs, *spec.args, *([spec.vararg] if spec.vararg else []), *spec.kwonlyargs]
    names = dict.fromkeys(arg.arg for arg in every)
    stores = (n for n in ast.walk(function) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))
    for node in sorted(stores, key=lambda n: (n.lineno, n.col_offset)):
        names.setdefault(node.id)
    return tuple(names)


def mutable_nodes(source: Source) -> Iterator[ast.AST]:
    """Nodes whose change can matter and whose place is known: no imports, annotations, docstrings or f-string parts."""

    def walk(node: ast.AST) -> Iterator[ast.AST]:
        if isinstance(node, ast.Import | ast.ImportFrom | ast.JoinedStr | ast.Global | ast.Nonlocal | ast.Match):
            return
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            return
        yield node
        hidden = {id(getattr(node, name, None)) for name in ("annotation", "returns")}
        for child in ast.iter_child_nodes(node):
            if id(child) not in hidden:
                yield from walk(child)

    return walk(source.tree)
