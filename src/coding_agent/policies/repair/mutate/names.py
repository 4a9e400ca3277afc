"""Mutations of names: the wrong variable, the wrong attribute, the wrong method, arguments in the wrong order."""

from __future__ import annotations

import ast
import builtins
import difflib
import functools
from collections.abc import Iterator

from coding_agent.policies.repair.edits import Edit
from coding_agent.policies.repair.mutate.source import Source, local_names

KIN = (
    ("append", "extend", "insert"), ("add", "update", "discard"), ("append", "appendleft"), ("append", "add"),
    ("pop", "popleft"), ("remove", "discard"), ("strip", "lstrip", "rstrip"), ("startswith", "endswith"),
    ("removeprefix", "removesuffix"), ("keys", "values", "items"), ("find", "rfind"), ("find", "index"),
    ("upper", "lower", "title", "capitalize"), ("isdigit", "isalpha", "isalnum"), ("isupper", "islower"),
    ("split", "rsplit", "splitlines"), ("partition", "rpartition"), ("split", "partition"), ("get", "setdefault"), ("get", "pop"),
    ("union", "intersection", "difference", "symmetric_difference"), ("issubset", "issuperset"),
    ("ljust", "rjust", "center"), ("floor", "ceil", "trunc"), ("match", "search", "fullmatch"), ("lower", "casefold"),
    ("read", "readlines", "readline"), ("heappush", "heappop", "heappushpop"), ("days", "seconds", "total_seconds"),
    ("min", "max"), ("any", "all"), ("sum", "len", "max"), ("sorted", "reversed"), ("int", "float", "round"),
    ("list", "set", "tuple"), ("bisect_left", "bisect_right"), ("str", "repr"), ("ord", "chr"), ("deepcopy", "copy"),
    ("isinstance", "issubclass"), ("range", "enumerate"), ("date", "datetime"), ("parent", "parents"), ("stem", "name"),
)  # fmt: skip
_ERRORS = ("ValueError", "KeyError", "TypeError", "IndexError", "LookupError", "AttributeError", "ZeroDivisionError")


@functools.cache
def kin(name: str) -> tuple[str, ...]:
    """Names that are easily taken for this one."""
    return tuple(dict.fromkeys(other for group in KIN if name in group for other in group if other != name))


def variables(source: Source, node: ast.AST) -> Iterator[Edit]:
    """Another name of the same function, the likelier the fewer there are and the more alike they look."""
    if not isinstance(node, ast.Name):
        return
    for name in kin(node.id):
        yield source.replace(node, name, "kin", 0.5)
    function = source.function_of(node)
    if function is None or isinstance(source.parents.get(node), ast.arg):
        return
    names = [name for name in local_names(function) if name not in {node.id, "self", "cls"}]
    stored = isinstance(node.ctx, ast.Store)
    if hasattr(builtins, node.id) or node.id in {"self", "cls"} or (node.id not in local_names(function)):
        return
    base = (0.1 if stored else 0.5) / max(1.0, len(names) ** 0.5)
    for name in names:
        alike = difflib.SequenceMatcher(None, name, node.id).ratio()
        yield source.replace(node, name, "variable", base * (0.7 + 0.6 * alike))
    for attribute in self_attributes(source, node):
        same = attribute == node.id
        if not stored:
            yield source.replace(node, f"self.{attribute}", "attribute", 0.35 if same else 0.08)


@functools.lru_cache(maxsize=256)
def _class_attributes(cls: ast.ClassDef) -> tuple[tuple[str, ...], tuple[str, ...]]:
    fields: dict[str, None] = {}
    called: dict[str, None] = {}
    for node in ast.walk(cls):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self":
            fields.setdefault(node.attr)
    for member in cls.body:
        if isinstance(member, ast.FunctionDef):
            is_value = any(isinstance(d, ast.Name) and d.id == "property" for d in member.decorator_list)
            (fields if is_value else called).setdefault(member.name)
    return tuple(name for name in fields if name not in called), tuple(called)


def self_attributes(source: Source, node: ast.AST) -> tuple[str, ...]:
    """What `self` carries in the class around a node, methods left out."""
    cls = source.class_of(node)
    function = source.function_of(node)
    if cls is None or function is None or "self" not in local_names(function):
        return ()
    return _class_attributes(cls)[0]


def attributes(source: Source, node: ast.AST) -> Iterator[Edit]:
    """Another attribute or method of the class, a look-alike method, a plain name for `self.name`."""
    if not isinstance(node, ast.Attribute):
        return
    end = source.span(node)[1]
    place = end - len(node.attr)
    for name in kin(node.attr):
        yield source.edit(place, end, name, "kin", 0.5, node.end_lineno or node.lineno)
    others = _used_attributes(source, node)
    for name in others:
        prior = 0.45 / max(1.0, len(others) ** 0.5)
        yield source.edit(place, end, name, "attribute", prior, node.end_lineno or node.lineno)
    function = source.function_of(node)
    if function and isinstance(node.value, ast.Name) and node.value.id == "self" and node.attr in local_names(function):
        yield source.replace(node, node.attr, "attribute", 0.3)


def _used_attributes(source: Source, node: ast.Attribute) -> list[str]:
    called = isinstance((parent := source.parents.get(node)), ast.Call) and parent.func is node
    owner = ast.dump(node.value)
    cls = source.class_of(node)
    if isinstance(node.value, ast.Name) and node.value.id == "self" and cls is not None:
        fields, methods = _class_attributes(cls)
        return [name for name in (methods if called else fields) if name not in {node.attr, "__init__"}]
    seen: dict[str, None] = {}
    for other in ast.walk(source.tree):
        if isinstance(other, ast.Attribute) and other.attr != node.attr and ast.dump(other.value) == owner:
            mother = source.parents.get(other)
            if called == (isinstance(mother, ast.Call) and mother.func is other):
                seen.setdefault(other.attr)
    return list(seen)[:8]


def arguments(source: Source, node: ast.AST) -> Iterator[Edit]:
    """Neighbouring arguments exchanged, one left out, or one that is in scope passed on."""
    if isinstance(node, ast.Tuple | ast.Call):
        items = node.args if isinstance(node, ast.Call) else node.elts
        for left, right in zip(items, items[1:], strict=False):
            (a, b), (c, d) = source.span(left), source.span(right)
            text = source.text[c:d] + source.text[b:c] + source.text[a:b]
            yield source.edit(a, d, text, "argument order", 0.4, left.lineno)
    if not isinstance(node, ast.Call):
        return
    yield from _dropped(source, node)
    yield from _passed_on(source, node)


def _dropped(source: Source, node: ast.Call) -> Iterator[Edit]:
    places = [source.span(arg) for arg in node.args]
    places += [(source.span(k.value)[0] - len(k.arg or "") - 1, source.span(k.value)[1]) for k in node.keywords]
    places.sort()
    for index, (start, end) in enumerate(places):
        if index:
            start = places[index - 1][1]
        elif len(places) > 1:
            end = places[1][0]
        prior = 0.3 if index >= len(node.args) else 0.12
        yield source.edit(start, end, "", "argument dropped", prior, node.lineno)


def _passed_on(source: Source, node: ast.Call) -> Iterator[Edit]:
    name = node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "")
    around = source.function_of(node)
    target = next((d for d in ast.walk(source.tree) if isinstance(d, ast.FunctionDef) and d.name == name), None)
    if target is None or around is None:
        return
    given = {keyword.arg for keyword in node.keywords}
    expected = [a.arg for a in target.args.args if a.arg not in {"self", "cls"}][len(node.args) :]
    close = source.span(node)[1] - 1
    comma = ", " if node.args or node.keywords else ""
    for parameter in [*expected, *(a.arg for a in target.args.kwonlyargs)]:
        if parameter in local_names(around) and parameter not in given:
            yield source.edit(close, close, f"{comma}{parameter}={parameter}", "argument passed on", 0.5, node.lineno)


def functions(source: Source, node: ast.AST) -> Iterator[Edit]:
    """Another function or exception of the module where one is named."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        around = source.function_of(node)
        own = [f for f in source.tree.body if isinstance(f, ast.FunctionDef)]
        if any(f.name == node.func.id for f in own):
            for other in own:
                if other.name != node.func.id and other is not around:
                    yield source.replace(node.func, other.name, "function", 0.25)
    named = _exception(node)
    if isinstance(named, ast.Name):
        own_errors = [c.name for c in source.tree.body if isinstance(c, ast.ClassDef) and c.bases]
        imported = [a.asname or a.name for i in source.tree.body if isinstance(i, ast.ImportFrom) for a in i.names]
        errors = [*own_errors, *(n for n in imported if n.endswith(("Error", "Exception"))), *_ERRORS]
        for name in dict.fromkeys(errors):
            if name != named.id:
                yield source.replace(named, name, "exception", 0.2)


def _exception(node: ast.AST) -> ast.expr | None:
    if isinstance(node, ast.Raise):
        return node.exc.func if isinstance(node.exc, ast.Call) else node.exc
    return node.type if isinstance(node, ast.ExceptHandler) else None
