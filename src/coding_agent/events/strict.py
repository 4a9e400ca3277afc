"""A cattrs converter that coerces nothing: `"1"` is not 1, true is not 1, 1 is not 1.0, text is not a list.

It knows types, not events: `codec` gives it event classes and turns `Rejected` into an error with a path.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Callable
from typing import Any, Literal, get_args, get_origin, get_type_hints

import attrs
import cattrs

_PRIMITIVES: dict[type[Any], str] = {
    int: "an integer",
    str: "text",
    bool: "true or false",
    float: "a number with a point",
}


class Rejected(Exception):
    def __init__(self, expected: str, found: object) -> None:
        self.steps: list[str] = []
        self.expected, self.found = expected, found
        super().__init__(expected)

    def path(self, root: str) -> str:
        return root + "".join(reversed(self.steps))


class UnknownField(Exception):
    """A field that the class does not have; whoever reads decides what becomes of it."""


def _exactly(kind: type[Any], expected: str) -> Callable[[Any, Any], Any]:
    def structure(value: Any, _: Any) -> Any:
        if type(value) is not kind:
            raise Rejected(expected, value)
        return value

    return structure


def _number(value: Any, _: Any) -> float:
    if type(value) not in {int, float}:
        raise Rejected("a number", value)
    return float(value)


@functools.cache
def strict_reader(*, written_by_people: bool = False) -> cattrs.Converter:
    """`written_by_people`: a number needs no point to be a float."""
    converter = cattrs.Converter(forbid_extra_keys=True, detailed_validation=False)
    for kind, expected in _PRIMITIVES.items():
        converter.register_structure_hook(kind, _exactly(kind, expected))
    if written_by_people:
        converter.register_structure_hook(float, _number)
    converter.register_structure_hook_factory(_origin_is(tuple), _tuple_hook(converter))
    converter.register_structure_hook_factory(_origin_is(dict), _dict_hook(converter))
    converter.register_structure_hook_factory(_origin_is(Literal), _literal_hook)
    converter.register_structure_hook_factory(_is_union, _union_hook(converter))
    converter.register_structure_hook_factory(attrs.has, _class_hook(converter))
    return converter


def _as_it_is(kind: Any) -> frozenset[type[Any]]:
    """The types of JSON values that stand for themselves in a field of this kind, so that no hook need be called.

    Most values of a log are such, and tokens come by the thousand.
    """
    members = get_args(kind) if _is_union(kind) else (kind,)
    primitive = frozenset(member for member in members if member in _PRIMITIVES or member is type(None))
    # Among others, None alone is clear: what else it is, the hook of the union has to find out.
    return primitive if len(primitive) == len(members) else primitive & {type(None)}


def _tuple_hook(converter: cattrs.Converter) -> Callable[[Any], Callable[[Any, Any], Any]]:
    def factory(kind: Any) -> Callable[[Any, Any], Any]:
        item = get_args(kind)[0]
        hook, as_it_is = converter.get_structure_hook(item), _as_it_is(item)

        def structure(value: Any, _: Any) -> Any:
            if type(value) is not list:
                raise Rejected("a list", value)
            if as_it_is.issuperset(map(type, value)):
                return tuple(value)
            found, step = [], 0
            try:
                for step, each in enumerate(value):  # noqa: B007 (read where it fails)
                    found.append(hook(each, item))
            except Rejected as rejected:
                rejected.steps.append(f"[{step}]")
                raise
            return tuple(found)

        return structure

    return factory


def _dict_hook(converter: cattrs.Converter) -> Callable[[Any], Callable[[Any, Any], Any]]:
    def factory(kind: Any) -> Callable[[Any, Any], Any]:
        item = get_args(kind)[1]
        if item is Any:
            return _object
        hook, as_it_is = converter.get_structure_hook(item), _as_it_is(item)

        def structure(value: Any, _: Any) -> Any:
            found = _object(value, kind)
            if as_it_is.issuperset(map(type, found.values())):
                return found
            key = ""
            try:
                for key, each in value.items():
                    found[key] = hook(each, item)
            except Rejected as rejected:
                rejected.steps.append(f".{key}")
                raise
            return found

        return structure

    return factory


def _object(value: Any, _: Any) -> dict[str, Any]:
    if type(value) is not dict:
        raise Rejected("an object", value)
    return value.copy()


def _origin_is(origin: object) -> Callable[[Any], bool]:
    return lambda kind: get_origin(kind) is origin


def _literal_hook(kind: Any) -> Callable[[Any, Any], Any]:
    allowed = get_args(kind)

    def structure(value: Any, _: Any) -> Any:
        if type(value) is not str or value not in allowed:
            raise Rejected("one of " + ", ".join(allowed), value)
        return value

    return structure


def _is_union(kind: Any) -> bool:
    return isinstance(kind, types.UnionType)


def _union_hook(converter: cattrs.Converter) -> Callable[[Any], Callable[[Any, Any], Any]]:
    def factory(kind: Any) -> Callable[[Any, Any], Any]:
        members = [member for member in get_args(kind) if member is not type(None)]
        optional = len(members) < len(get_args(kind))
        hooks = [(member, converter.get_structure_hook(member)) for member in members]

        def structure(value: Any, _: Any) -> Any:
            if value is None and optional:
                return None
            for member, hook in hooks[:-1]:
                if type(value) is member:
                    return hook(value, member)
            return hooks[-1][1](value, hooks[-1][0])

        return structure

    return factory


def _class_hook(converter: cattrs.Converter) -> Callable[[Any], Callable[[Any, Any], Any]]:
    def factory(cls: Any) -> Callable[[Any, Any], Any]:
        kinds = {name: kind for name, kind in get_type_hints(cls).items() if name in attrs.fields_dict(cls)}
        fields = {name: (kind, _as_it_is(kind), converter.get_structure_hook(kind)) for name, kind in kinds.items()}
        required = [a.name for a in attrs.fields(cls) if a.default is attrs.NOTHING]

        def structure(value: Any, _: Any) -> Any:
            if type(value) is not dict:
                raise Rejected("an object", value)
            for name in required:
                if name not in value:
                    raise Rejected(f"the field {name!r}", "nothing")
            arguments, name = {}, ""
            try:
                for name, item in value.items():
                    if name not in fields:
                        raise UnknownField(f"{cls.__name__}.{name}")
                    kind, as_it_is, hook = fields[name]
                    arguments[name] = item if type(item) in as_it_is else hook(item, kind)
            except Rejected as rejected:
                rejected.steps.append(f".{name}")
                raise
            return cls(**arguments)

        return structure

    return factory
