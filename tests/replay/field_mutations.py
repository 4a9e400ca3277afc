"""Every field of every event of a log, each changed alone: what a sealed replay must notice, and where.

Enumerated from the schema's own markers, so that a new field can not be forgotten.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path as FilePath
from typing import Any, Literal, get_args, get_origin, get_type_hints

import attrs
import orjson

from coding_agent.cli.exits import DIFFERENT
from coding_agent.cli.replay import CODES
from coding_agent.events.codec import field_kinds
from coding_agent.events.kinds import FieldKind
from coding_agent.events.line import CHAIN_SEED, KEYS, STATE_SEED, Record, chain_of, next_state
from coding_agent.events.schema import WIRE_NAMES
from coding_agent.replay.report import report_of
from coding_agent.store.reader import read_records
from coding_agent.tools.parsing import MAX_INT

CLASSES: dict[str, Any] = {name: cls for cls, name in WIRE_NAMES.items()}
Path = tuple[str | int, ...]


@attrs.frozen(kw_only=True)
class Mutation:
    """One value changed, its state hash left as it was."""

    record: Record
    """As it is after the change."""
    path: Path
    kind: FieldKind
    """Derived if any field on the way is; so a derived part of a given value counts as derived."""

    @property
    def what(self) -> str:
        """Type and path without positions: mutations of the same field of the same event type are alike."""
        return ".".join([self.record.type, *(step for step in self.path if isinstance(step, str))])


def mutations(records: Sequence[Record]) -> Iterator[Mutation]:
    """Each written value of each event that is not observational."""
    for record in records:
        for path, kind, value in _values(record.data, CLASSES[record.type], (), FieldKind.GIVEN):
            data = _with(record.data, path, value)
            yield Mutation(record=attrs.evolve(record, data=data), path=path, kind=kind)


def written(records: Sequence[Record], mutation: Mutation | None, file: FilePath) -> FilePath:
    """The log with the mutation in it, as somebody who covers it up would write it.

    Every chain is computed anew; after a change to a derived field every state hash too, since that does not betray it.
    """
    covered = mutation is not None and mutation.kind is FieldKind.DERIVED
    chain, state, whole = CHAIN_SEED, STATE_SEED, []
    for each in records:
        record = mutation.record if mutation is not None and each.seq == mutation.record.seq else each
        if covered:
            state = next_state(state, record.event)
            record = attrs.evolve(record, state=state)
        body = {key: getattr(record, key) for key in KEYS if key != "chain"}
        head = orjson.dumps(body)[:-1]
        chain = hashlib.sha256(chain.encode() + head).hexdigest()
        whole.append(head + b',"chain":"' + chain.encode() + b'"}\n')
    file.write_bytes(b"".join(whole))
    return file


def changed_behind(log: FilePath, target: FilePath, *seqs: int, **data: Any) -> FilePath:
    """The log with given fields of some events changed, and only its chain made anew."""
    for seq in seqs:
        records = list(read_records(log))
        lies = attrs.evolve(records[seq], data={**records[seq].data, **data})
        log = written(records, Mutation(record=lies, path=(), kind=FieldKind.GIVEN), target)
    return log


def noticed(records: Sequence[Record], mutation: Mutation, folder: FilePath) -> bool:
    """Whether a replay that is given nothing but the mutated file reports the mutation at its event (and field)."""
    result = report_of(written(records, mutation, folder / "mutated.jsonl"))
    found = result.divergence
    if found is None or found.seq != mutation.record.seq or CODES[result.outcome] != DIFFERENT:
        return False
    where = _dotted(mutation)
    # A name that was added to an object is itself the first that differs, or its object where it is null.
    return mutation.kind is FieldKind.GIVEN or found.path in {where, f"{where}.~"}


def resealed(lines: Sequence[bytes]) -> bytes:
    """The lines of a log with every chain computed anew, as somebody who covers up a change would write them."""
    chain, whole = CHAIN_SEED, b""
    for line in lines:
        chain = chain_of(line, chain)
        whole += line[: -len(',"chain":""}\n') - 64] + b',"chain":"' + chain.encode() + b'"}\n'
    return whole


def _dotted(mutation: Mutation) -> str:
    steps = (f"[{step}]" if isinstance(step, int) else f".{step}" for step in mutation.path)
    return mutation.record.type + "".join(steps)


def _values(data: Any, hint: Any, path: Path, kind: FieldKind) -> Iterator[tuple[Path, FieldKind, Any]]:
    """(path, kind, another value) of everything below `data`, whose type is `hint`."""
    hint = next((arg for arg in get_args(hint) if arg is not type(None)), hint) if _is_optional(hint) else hint
    if attrs.has(hint) and isinstance(data, dict):
        hints = get_type_hints(hint)
        for name, marker in field_kinds(hint).items():
            if marker is FieldKind.OBSERVED or name not in data:
                continue
            below = FieldKind.DERIVED if FieldKind.DERIVED in {marker, kind} else FieldKind.GIVEN
            yield from _values(data[name], hints[name], (*path, name), below)
    elif get_origin(hint) is tuple and isinstance(data, list) and data:
        for index, item in enumerate(data):
            yield from _values(item, get_args(hint)[0], (*path, index), kind)
    elif isinstance(data, dict) and data:
        inner = get_args(hint)[-1] if get_args(hint) else None
        for name, item in data.items():
            yield from _values(item, inner, (*path, name), kind)
        if inner is not str and get_origin(inner) is not Literal:
            yield path, kind, {**data, "~": None}
    else:
        yield path, kind, _other(data, hint)


def _is_optional(hint: Any) -> bool:
    return type(None) in get_args(hint)


def _other(value: Any, hint: Any) -> Any:
    """Another value that the schema allows."""
    if get_origin(hint) is Literal:
        return next(choice for choice in get_args(hint) if choice != value)
    match value:
        case bool():
            return not value
        case int() | float():
            return value + 1 if value < MAX_INT else value - 1
        case str():
            return f"{value}~"
        case list():
            return [*value, "~"]
        case dict():
            inner = get_args(hint)[-1] if get_args(hint) else str
            return {**value, "~": _other("~", inner)}
        case _:
            return 1 if hint in {int, float} else "~"


def _with(data: Any, path: Path, value: Any) -> Any:
    if not path:
        return value
    step, rest = path[0], path[1:]
    if isinstance(data, dict):
        return {**data, step: _with(data[step], rest, value)}
    return [_with(item, rest, value) if index == step else item for index, item in enumerate(data)]
