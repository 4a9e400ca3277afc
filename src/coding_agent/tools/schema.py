"""Typed arguments: one attrs class per tool, from which both its JSON Schema and its strict validation are made.

Supported are `str`, `int`, `float`, `bool`, `tuple[str, ...]`, `Literal[...]` of text, and any of them `| None`, each
as `Annotated[..., About(...)]`. Nothing is coerced: `"1"`, `true` and `1.0` are not the integer 1. It does not know
which tools there are.
"""

from __future__ import annotations

import difflib
import functools
import json
import re
import types
import typing
from collections.abc import Mapping
from typing import Any, Literal, TypeVar

import attrs

from coding_agent.errors import CodingAgentError
from coding_agent.events.values import JSON

C = TypeVar("C")
_LONE_SURROGATE = re.compile("\ufdd0d[89a-f][0-9a-f]{2}")
_NAMES = {
    str: "text", int: "an integer", float: "a number", bool: "a truth value", list: "a list", dict: "an object",
    type(None): "null",
}  # fmt: skip
MAX_UNKNOWN = 5
"""Unknown fields that are named in a denial."""
_JSON_TYPES = {str: "string", int: "integer", float: "number", bool: "boolean"}


@attrs.frozen
class About:
    """What a policy is told of one argument, and its bounds."""

    text: str
    minimum: float | None = None
    """Smallest number, or shortest text in characters."""
    maximum: float | None = None
    """Largest number, longest text in characters, or most items of a list."""
    nul_free: bool = False
    """The text ends up in an argument vector, which can not hold NUL."""
    path: bool = False
    """A path may hold escaped bytes that are not UTF-8, as `list_files` shows them; no other text may."""


class InvalidArguments(CodingAgentError):
    """Arguments that a tool does not take; one line for each problem, naming `tool.field`, expected and found."""

    def __init__(self, tool: str, problems: tuple[str, ...]) -> None:
        self.tool, self.problems = tool, problems
        super().__init__("\n".join(problems))


@attrs.frozen(kw_only=True)
class Argument:
    """One field of an arguments class, read from its annotation."""

    name: str
    about: About
    kind: type[Any]
    """`str`, `int`, `float`, `bool` or `tuple` (of text)."""
    choices: tuple[str, ...] = ()
    optional: bool
    """May be null."""
    default: Any


def arguments_of(cls: type[Any]) -> tuple[Argument, ...]:
    """The arguments that `cls` describes, in order. Raises TypeError for a field that is not described."""
    return _arguments_of(cls)  # type: ignore[arg-type]  # to mypy a class is not hashable


@functools.cache
def _arguments_of(cls: type[Any]) -> tuple[Argument, ...]:
    # Reading annotations compiles them, every time; each call of a tool asks for them.
    hints = typing.get_type_hints(cls, include_extras=True)
    return tuple(_argument(cls, field, hints[field.name]) for field in attrs.fields(cls))


def json_schema(cls: type[Any]) -> dict[str, JSON]:
    """A JSON Schema object for the `parameters` of a function, as OpenAI's interface takes it."""
    arguments = arguments_of(cls)
    return {
        "type": "object",
        "properties": {argument.name: _property(argument) for argument in arguments},
        "required": [argument.name for argument in arguments if argument.default is attrs.NOTHING],
        "additionalProperties": False,
    }


def validate(cls: type[C], arguments: Mapping[str, JSON], tool: str) -> C:
    """An instance of `cls`. Raises InvalidArguments with every problem, and the first of the unknown fields."""
    fields = {argument.name: argument for argument in arguments_of(cls)}
    unknown = [name for name in arguments if name not in fields]
    problems = [_unknown(tool, name, fields) for name in unknown[:MAX_UNKNOWN]]
    if len(unknown) > MAX_UNKNOWN:
        problems.append(f"{tool}: and {len(unknown) - MAX_UNKNOWN} more unknown fields")
    for name, field in fields.items():
        if name not in arguments:
            if field.default is attrs.NOTHING:
                problems.append(f"{tool}.{name}: expected {_expected(field)}, found nothing")
        elif (found := _wrong(field, arguments[name])) is not None:
            problems.append(f"{tool}.{name}: expected {_expected(field)}, found {found}")
    if problems:
        raise InvalidArguments(tool, tuple(problems))
    return cls(**{name: tuple(value) if type(value) is list else value for name, value in arguments.items()})


def _argument(cls: type[Any], field: attrs.Attribute[Any], hint: Any) -> Argument:
    about = next((mark for mark in getattr(hint, "__metadata__", ()) if isinstance(mark, About)), None)
    if about is None:
        raise TypeError(f"{cls.__name__}.{field.name}: expected Annotated[..., About(...)], found {hint!r}")
    kind = typing.get_args(hint)[0]
    members = typing.get_args(kind) if isinstance(kind, types.UnionType) else (kind,)
    member = next(each for each in members if each is not type(None))
    choices = typing.get_args(member) if typing.get_origin(member) is Literal else ()
    base = str if choices else typing.get_origin(member) or member
    optional = type(None) in members
    default = field.default
    return Argument(name=field.name, about=about, kind=base, choices=choices, optional=optional, default=default)


def _property(argument: Argument) -> dict[str, JSON]:
    about = argument.about
    schema: dict[str, JSON]
    if argument.kind is tuple:
        schema = {"type": "array", "items": {"type": "string"}, "maxItems": about.maximum}
    elif argument.kind is str:
        schema = {"type": "string", "minLength": about.minimum, "maxLength": about.maximum}
    else:
        schema = {"type": _JSON_TYPES[argument.kind], "minimum": about.minimum, "maximum": about.maximum}
    if argument.optional:
        schema["type"] = [schema["type"], "null"]
    schema = {key: value for key, value in schema.items() if value is not None}
    if argument.choices:
        schema["enum"] = list(argument.choices)
    if argument.default is not attrs.NOTHING:
        schema["default"] = list(argument.default) if argument.kind is tuple else argument.default
    return {**schema, "description": about.text}


def _unknown(tool: str, name: str, fields: Mapping[str, Argument]) -> str:
    near = difflib.get_close_matches(name[:80], fields, n=1)
    hint = f"; the nearest is `{near[0]}`" if near else ""
    return f"{tool}.{name[:80]}: expected one of {', '.join(fields)}, found an unknown field{hint}"


def _wrong(field: Argument, value: JSON) -> str | None:
    """What was found instead of what `field` takes; None when it takes `value`."""
    if value is None:
        return None if field.optional else "null"
    if field.kind is tuple:
        return _wrong_list(field.about, value)
    if type(value) is not field.kind and not (field.kind is float and type(value) is int):
        return f"{_NAMES[type(value)]}: {_shown(value)}"
    if field.kind is str:
        return _wrong_text(field, value)
    low, high = field.about.minimum, field.about.maximum
    within = (low is None or value >= low) and (high is None or value <= high)
    return None if within else _shown(value)


def _wrong_list(about: About, value: JSON) -> str | None:
    if type(value) is not list:
        return f"{_NAMES[type(value)]}: {_shown(value)}"
    if about.maximum is not None and len(value) > about.maximum:
        return f"{len(value)} items"
    for index, item in enumerate(value):
        if type(item) is not str:
            return f"{_NAMES[type(item)]} at index {index}: {_shown(item)}"
        if not item or "\0" in item:
            return f"{_shown(item)} at index {index}"
    return None


def _wrong_text(field: Argument, value: str) -> str | None:
    about = field.about
    if field.choices:
        return None if value in field.choices else _shown(value)
    if about.minimum is not None and len(value) < about.minimum:
        return _shown(value)
    if about.maximum is not None and len(value) > about.maximum:
        return f"{len(value)} characters"
    if about.nul_free and "\0" in value:
        return f"NUL at character {value.index(chr(0))}"
    if not about.path and (lone := _LONE_SURROGATE.search(value)):
        return f"a lone surrogate (\\u{lone[0][1:]}) at character {lone.start()}"
    return None


def _expected(field: Argument) -> str:
    about = field.about
    low, high = (None if bound is None else f"{bound:g}" for bound in (about.minimum, about.maximum))
    if field.choices:
        text = " or ".join(f'"{choice}"' for choice in field.choices)
    elif field.kind is tuple:
        text = "a list of texts that are not empty" + (f", at most {about.maximum:.0f}" if about.maximum else "")
    elif field.kind is str:
        text = "text" if not low else "text that is not empty"
        text += f" of at most {about.maximum:.0f} characters" if about.maximum else ""
        text += " without NUL" if about.nul_free else ""
    else:
        text = "true or false" if field.kind is bool else _NAMES[field.kind]
        text += (f" from {low}" if low else "") + (f" to {high}" if high else "")
    return text + (" or null" if field.optional else "")


def _shown(value: JSON) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else text[:77] + "..."
