"""Events to JSON values and back, strictly.

One codec for the whole project: fields equal to their default are left out (so an optional field added later changes no
old line), nothing is coerced on the way in, and nothing unrepresentable goes out. Line format and hashes are `line`'s.
"""

from __future__ import annotations

import functools
import math
import types
from collections.abc import Callable
from typing import Any, get_args, get_origin, get_type_hints

import attrs
import cattrs
from cattrs.gen import make_dict_unstructure_fn, override

from coding_agent.errors import DecodeError, EncodeError, UnknownEvent
from coding_agent.events.kinds import FieldKind
from coding_agent.events.schema import WIRE_NAMES, Event
from coding_agent.events.values import JSON

MAX_INT = 2**53
MAX_DEPTH = 64
_CLASSES = {name: cls for cls, name in WIRE_NAMES.items()}


def encode(event: Event) -> dict[str, JSON]:
    """The event's data as JSON values, defaults left out. Raises EncodeError for NaN, big integers and the like."""
    data: dict[str, JSON] = _writer().unstructure(event, unstructure_as=type(event))
    check_json(data, "$", EncodeError)
    return data


def semantic(event: Event) -> dict[str, JSON]:
    """As `encode`, without the observational fields: what `state` hashes and what two episodes must share."""
    data: dict[str, JSON] = _semantic_writer().unstructure(event, unstructure_as=type(event))
    return data


def decode(wire_name: str, data: JSON) -> Event:
    """The event that `data` stands for. Raises UnknownEvent or DecodeError naming the path."""
    cls = _CLASSES.get(wire_name)
    if cls is None:
        raise UnknownEvent(f"event type {wire_name!r} is not known to this release; known: {', '.join(sorted(_CLASSES))}")
    check_json(data, "$", DecodeError)
    try:
        event: Event = _reader().structure(data, cls)
    except _Rejected as rejected:
        raise DecodeError(rejected.path("$"), rejected.expected, rejected.found) from None
    return event


def field_kinds(cls: type[Any]) -> dict[str, FieldKind | type[Any]]:
    """Each field of an event or value class: its kind, or the attrs class whose own fields decide."""
    kinds: dict[str, FieldKind | type[Any]] = {}
    for name, hint in get_type_hints(cls, include_extras=True).items():
        if name not in attrs.fields_dict(cls):
            continue
        marker = next((m for m in getattr(hint, "__metadata__", ()) if isinstance(m, FieldKind)), None)
        if marker is None:
            msg = f"{cls.__name__}.{name} is not marked Derived, Given or Observed"
            raise TypeError(msg)
        kinds[name] = marker
    return kinds


def check_json(value: JSON, path: str, error: type[EncodeError | DecodeError], depth: int = 0) -> None:
    """Raise `error` at the first thing that strict JSON can not carry exactly."""
    kind = type(value)
    if kind is str or kind is bool or value is None:
        return
    if kind is int:
        if not -MAX_INT <= value <= MAX_INT:
            raise error(path, "an integer within ±2^53", value)
    elif kind is float:
        if not math.isfinite(value):
            raise error(path, "a finite number", value)
    elif depth > MAX_DEPTH:
        raise error(path, f"at most {MAX_DEPTH} levels", kind.__name__)
    elif kind is dict:
        for key, item in value.items():
            if type(key) is not str:
                raise error(path, "text as key", key)
            check_json(item, f"{path}.{key}", error, depth + 1)
    elif kind is list or kind is tuple:
        for index, item in enumerate(value):
            check_json(item, f"{path}[{index}]", error, depth + 1)
    else:
        raise error(path, "a JSON value", value)


class _Rejected(Exception):  # noqa: N818  carries the path outwards, becomes a DecodeError at the edge
    def __init__(self, expected: str, found: object) -> None:
        self.steps: list[str] = []
        self.expected, self.found = expected, found
        super().__init__(expected)

    def path(self, root: str) -> str:
        return root + "".join(reversed(self.steps))


def _exactly(kind: type[Any], expected: str) -> Callable[[Any, Any], Any]:
    def structure(value: Any, _: Any) -> Any:
        if type(value) is not kind:
            raise _Rejected(expected, value)
        return value

    return structure


@functools.cache
def _reader() -> cattrs.Converter:
    converter = cattrs.Converter(forbid_extra_keys=True, detailed_validation=False)
    for kind, expected in ((int, "an integer"), (str, "text"), (bool, "true or false"), (float, "a number with a point")):
        converter.register_structure_hook(kind, _exactly(kind, expected))
    converter.register_structure_hook_factory(lambda t: get_origin(t) is tuple, _tuple_hook(converter))
    converter.register_structure_hook_factory(lambda t: get_origin(t) is dict, _dict_hook(converter))
    converter.register_structure_hook_factory(_is_literal, _literal_hook)
    converter.register_structure_hook_factory(_is_union, _union_hook(converter))
    converter.register_structure_hook_factory(attrs.has, _class_hook(converter))
    return converter


def _located(hook: Callable[[Any, Any], Any], value: Any, kind: Any, step: str) -> Any:
    try:
        return hook(value, kind)
    except _Rejected as rejected:
        rejected.steps.append(step)
        raise


def _tuple_hook(converter: cattrs.Converter) -> Callable[[Any], Callable[[Any, Any], Any]]:
    def factory(kind: Any) -> Callable[[Any, Any], Any]:
        item = get_args(kind)[0]
        hook = converter.get_structure_hook(item)

        def structure(value: Any, _: Any) -> Any:
            if type(value) is not list:
                raise _Rejected("a list", value)
            return tuple(_located(hook, each, item, f"[{i}]") for i, each in enumerate(value))

        return structure

    return factory


def _dict_hook(converter: cattrs.Converter) -> Callable[[Any], Callable[[Any, Any], Any]]:
    def factory(kind: Any) -> Callable[[Any, Any], Any]:
        item = get_args(kind)[1]
        hook = (lambda value, _: value) if item is Any else converter.get_structure_hook(item)

        def structure(value: Any, _: Any) -> Any:
            if type(value) is not dict:
                raise _Rejected("an object", value)
            return {key: _located(hook, each, item, f".{key}") for key, each in value.items()}

        return structure

    return factory


def _is_literal(kind: Any) -> bool:
    from typing import Literal  # noqa: PLC0415  the origin is compared, not used as a type

    return get_origin(kind) is Literal


def _literal_hook(kind: Any) -> Callable[[Any, Any], Any]:
    allowed = get_args(kind)

    def structure(value: Any, _: Any) -> Any:
        if type(value) is not str or value not in allowed:
            raise _Rejected("one of " + ", ".join(allowed), value)
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
        hints = get_type_hints(cls)
        fields = {a.name: (hints[a.name], converter.get_structure_hook(hints[a.name])) for a in attrs.fields(cls)}
        required = [a.name for a in attrs.fields(cls) if a.default is attrs.NOTHING]

        def structure(value: Any, _: Any) -> Any:
            if type(value) is not dict:
                raise _Rejected("an object", value)
            for name in required:
                if name not in value:
                    raise _Rejected(f"the field {name!r}", "nothing")
            arguments = {}
            for name, item in value.items():
                if name not in fields:
                    raise UnknownEvent(f"{cls.__name__}.{name} is not a field that this release knows")
                kind, hook = fields[name]
                arguments[name] = _located(hook, item, kind, f".{name}")
            return cls(**arguments)

        return structure

    return factory


def _class_writer(converter: cattrs.Converter, *, observed: bool) -> Callable[[Any], Any]:
    def factory(cls: Any) -> Any:
        overrides = {} if observed else {n: override(omit=True) for n, k in field_kinds(cls).items() if k is FieldKind.OBSERVED}
        return make_dict_unstructure_fn(cls, converter, _cattrs_omit_if_default=True, **overrides)

    return factory


@functools.cache
def _writer() -> cattrs.Converter:
    converter = cattrs.Converter()
    converter.register_unstructure_hook_factory(attrs.has, _class_writer(converter, observed=True))
    return converter


@functools.cache
def _semantic_writer() -> cattrs.Converter:
    converter = cattrs.Converter()
    converter.register_unstructure_hook_factory(attrs.has, _class_writer(converter, observed=False))
    return converter
