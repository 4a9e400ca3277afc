"""Events to JSON values and back, strictly.

One codec for the whole project: fields equal to their default are left out (so an optional field added later changes no
old line), nothing is coerced on the way in, and nothing unrepresentable goes out. Line format and hashes are `line`'s.
"""

from __future__ import annotations

import functools
import math
import types
from collections.abc import Callable
from typing import Any, Literal, get_args, get_origin, get_type_hints

import attrs
import cattrs
from cattrs.fns import identity
from cattrs.gen import make_dict_unstructure_fn

from coding_agent.errors import DecodeError, EncodeError, UnknownEvent
from coding_agent.events.kinds import FieldKind
from coding_agent.events.schema import WIRE_NAMES, Event
from coding_agent.events.strict import Rejected, UnknownField, strict_reader
from coding_agent.events.unknown import Unknown, split
from coding_agent.events.values import JSON

MAX_INT = 2**53
MAX_DEPTH = 64
_ALWAYS_FINE = frozenset({str, bool, type(None)})
_FEW = 8
"""Items of a list that are looked at one by one sooner than all together."""
_NUMBERS = frozenset({int, float})
_PLAIN = _ALWAYS_FINE | _NUMBERS
_CLASSES = {name: cls for cls, name in WIRE_NAMES.items()}


def encode(event: Event) -> dict[str, JSON]:
    """The event's data as JSON values, defaults left out. Raises EncodeError for NaN, big integers and the like.

    Dictionaries in it are the event's own: not to be changed.
    """
    data: dict[str, JSON] = _writer().unstructure(event, unstructure_as=type(event))
    check_json(data, "$", EncodeError)
    return data


def semantic(event: Event) -> dict[str, JSON]:
    """As `encode`, without the observational fields: what `state` hashes and what two episodes must share."""
    return without_observed(type(event), _writer().unstructure(event, unstructure_as=type(event)))


def without_observed(cls: Any, data: dict[str, JSON]) -> dict[str, JSON]:
    """What `encode` gave for an event of this class, without the observational fields."""
    take_out = _observed_remover(cls)
    return data if take_out is None else take_out(data)


def decode(wire_name: str, data: JSON) -> Event:
    """The event that `data` stands for, without fields that are not known. Raises UnknownEvent or DecodeError."""
    return decode_all(wire_name, data)[0]


def decode_all(wire_name: str, data: JSON) -> tuple[Event, Unknown]:
    """The event that `data` stands for, and the fields that this release does not know.

    Raises UnknownEvent for an unknown type, DecodeError naming the path.
    """
    cls = _CLASSES.get(wire_name)
    if cls is None:
        raise UnknownEvent(
            f"event type {wire_name!r} is not known to this release; known: {', '.join(sorted(_CLASSES))}"
        )
    check_json(data, "$", DecodeError)
    try:
        try:
            return strict_reader().structure(data, cls), {}
        except UnknownField:
            known, unknown = split(cls, data)
            return strict_reader().structure(known, cls), unknown
    except Rejected as rejected:
        raise DecodeError(rejected.path("$"), rejected.expected, rejected.found) from None


def field_kinds(cls: type[Any]) -> dict[str, FieldKind]:
    """The kind of each field of an event or value class. Raises TypeError for an unmarked one."""
    kinds: dict[str, FieldKind] = {}
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
    if kind in _ALWAYS_FINE:
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
            # Most values are text or a number near 0, for which this is all; a path is needed only for the others.
            inner = type(item)
            if not (inner in _ALWAYS_FINE or (inner in _NUMBERS and -MAX_INT <= item <= MAX_INT)):
                check_json(item, f"{path}.{key}", error, depth + 1)
    elif kind is list or kind is tuple:
        if len(value) > _FEW and _is_flat(value):
            return
        for index, item in enumerate(value):
            if type(item) not in _ALWAYS_FINE:
                check_json(item, f"{path}[{index}]", error, depth + 1)
    else:
        raise error(path, "a JSON value", value)


def _is_flat(values: list[JSON] | tuple[JSON, ...]) -> bool:
    """Nothing but text, or nothing but fitting numbers of one kind: the many tokens of a turn, at the speed of C."""
    kinds = set(map(type, values))
    if kinds == {int}:
        return bool(min(values) >= -MAX_INT and max(values) <= MAX_INT)
    return all(map(math.isfinite, values)) if kinds == {float} else kinds <= _ALWAYS_FINE


def _class_writer(converter: cattrs.Converter) -> Callable[[Any], Callable[[Any], Any]]:
    def factory(cls: Any) -> Callable[[Any], Any]:
        return make_dict_unstructure_fn(cls, converter, _cattrs_omit_if_default=True)

    return factory


@functools.cache
def _writer() -> cattrs.Converter:
    converter = cattrs.Converter()
    converter.register_unstructure_hook_factory(attrs.has, _class_writer(converter))
    # What cattrs would walk through value by value, and copy: arguments, thousands of tokens. `check_json` sees it all.
    converter.register_unstructure_hook_factory(_is_plain, lambda _: identity)
    converter.register_unstructure_hook_factory(_is_plain_tuple, lambda _: list)
    return converter


def _is_plain(hint: Any) -> bool:
    """JSON as it stands: text, numbers, and dictionaries and unions of nothing else."""
    origin, inner = get_origin(hint), get_args(hint)
    if origin in (dict, types.UnionType):
        return all(map(_is_plain, inner))
    return origin is Literal or hint is Any or hint in _PLAIN


def _is_plain_tuple(hint: Any) -> bool:
    return get_origin(hint) is tuple and _is_plain(get_args(hint)[0])


@functools.cache
def _observed_remover(cls: Any) -> Callable[[JSON], JSON] | None:
    """Takes the observational fields out of a class's JSON; None when there are none in it, however deep."""
    kinds, hints = field_kinds(cls), get_type_hints(cls)
    hidden = frozenset(name for name, kind in kinds.items() if kind is FieldKind.OBSERVED)
    inner = {name: remover for name in kinds.keys() - hidden if (remover := _remover_within(hints[name])) is not None}
    if not hidden and not inner:
        return None

    def take_out(data: JSON) -> JSON:
        kept = data.copy()
        for name in hidden:
            kept.pop(name, None)
        for name, remover in inner.items():
            if name in kept:
                kept[name] = _each(remover, kept[name])
        return kept

    return take_out


def _remover_within(hint: Any) -> Callable[[JSON], JSON] | None:
    """For a field's type: a class, or one inside an optional or a tuple."""
    if isinstance(hint, type) and attrs.has(hint):
        return _observed_remover(hint)
    return next((found for each in get_args(hint) if (found := _remover_within(each)) is not None), None)


def _each(take_out: Callable[[JSON], JSON], value: JSON) -> JSON:
    if isinstance(value, list | tuple):
        return [_each(take_out, item) for item in value]
    return take_out(value) if isinstance(value, dict) else value
