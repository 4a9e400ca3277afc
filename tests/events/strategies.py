"""Hypothesis strategies for events, derived from their types: what a new field may hold is tested without a new line."""

from __future__ import annotations

import types
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import attrs
from hypothesis import strategies as st

from coding_agent.events.schema import WIRE_NAMES, Event

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
integers = st.integers(-(2**53), 2**53)
floats = st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none() | st.booleans() | integers | floats | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=6,
)


def of_type(hint: Any) -> st.SearchStrategy[Any]:
    """Values of one annotation."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin is Annotated:
        return of_type(arguments[0])
    if origin is Literal:
        return st.sampled_from(arguments)
    if origin is types.UnionType:
        return st.one_of([of_type(each) for each in arguments])
    if origin is tuple:
        return st.lists(of_type(arguments[0]), max_size=2).map(tuple)
    if origin is dict:
        return st.dictionaries(texts, of_type(arguments[1]), max_size=2)
    if hint is Any:
        return json_values
    if attrs.has(hint):
        return of_class(hint)
    return {int: integers, float: floats, str: texts, bool: st.booleans(), type(None): st.none()}[hint]


def of_class(cls: type[Any]) -> st.SearchStrategy[Any]:
    """Instances of an attrs class, optional fields left out now and then."""
    hints = get_type_hints(cls, include_extras=True)
    fields = attrs.fields_dict(cls)
    required = {name: of_type(hints[name]) for name, field in fields.items() if field.default is attrs.NOTHING}
    optional = {name: of_type(hints[name]) for name, field in fields.items() if field.default is not attrs.NOTHING}
    return st.fixed_dictionaries(required, optional=optional).map(lambda values: cls(**values))


events: st.SearchStrategy[Event] = st.one_of([of_class(cls) for cls in WIRE_NAMES])
