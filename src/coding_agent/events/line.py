"""Line format, version 1: one event, one line, and the two hashes that tie it to everything before it.

A line is one UTF-8 JSON object without insignificant whitespace, ended by one `\\n`, at most 16 MiB. Its keys, in this
order: `seq`, `type`, `at` (RFC 3339, UTC, microseconds), `synced` (the last seq known to be durable when this line was
written, -1 for none), `data`, `state`, `chain`.

    chain₋₁ = SHA-256("coding-agent log v1\\n")
    chainₙ  = SHA-256(hex(chainₙ₋₁) + the bytes of line n before `,"chain":`)
    state₋₁ = SHA-256("coding-agent state v1\\n")
    stateₙ  = SHA-256(hex(stateₙ₋₁) + canonical({"data": semantic fields, "type": type}))

with hex() as 64 lowercase ASCII digits and canonical() as compact UTF-8 JSON whose keys are sorted by code point.
`chain` covers every byte; `state` only what the episode means: fields equal to their default and observational fields
are not in it. The last `state` is the episode's `semantic_digest`. A test vector is in
`docs/reference/log-format.md`.
"""

from __future__ import annotations

import hashlib
import json
from typing import Any

import attrs
import orjson

from coding_agent.errors import DecodeError, EncodeError
from coding_agent.events.codec import decode, decode_all, encode, semantic, without_observed
from coding_agent.events.schema import WIRE_NAMES, Event
from coding_agent.events.unknown import NOTHING, Unknown, graft
from coding_agent.events.values import JSON

MAX_LINE = 16 << 20
CHAIN_SEED = hashlib.sha256(b"coding-agent log v1\n").hexdigest()
STATE_SEED = hashlib.sha256(b"coding-agent state v1\n").hexdigest()
KEYS = ("seq", "type", "at", "synced", "data", "state", "chain")
_TYPES = (("seq", int), ("type", str), ("at", str), ("synced", int), ("state", str), ("chain", str))
_TAIL = len(',"chain":""}\n') + 64


@attrs.frozen(kw_only=True, slots=False)  # see `parse`
class Record:
    """One line, read: the envelope, and `data` not yet decoded."""

    seq: int
    type: str
    at: str
    synced: int
    data: JSON
    state: str
    chain: str

    @property
    def event(self) -> Event:
        """Raises UnknownEvent or DecodeError."""
        return decode(self.type, self.data)

    @property
    def unknown(self) -> Unknown:
        """Fields that this release does not know, by path. Raises UnknownEvent or DecodeError."""
        return decode_all(self.type, self.data)[1]


@attrs.frozen(kw_only=True)
class Line:
    """One line, written."""

    raw: bytes
    state: str
    chain: str


def next_state(previous: str, event: Event, unknown: Unknown = NOTHING) -> str:
    """The state hash after `event`; what is not known of it counts as given."""
    return _state(previous, WIRE_NAMES[type(event)], graft(semantic(event), unknown))


def _state(previous: str, wire_name: str, meaning: JSON) -> str:
    return _linked(previous, canonical({"data": meaning, "type": wire_name}))


def _linked(previous: str, content: bytes | memoryview) -> str:
    digest = hashlib.sha256(previous.encode())
    digest.update(content)
    return digest.hexdigest()


def canonical(value: JSON) -> bytes:
    """Compact UTF-8 JSON with keys sorted by code point. Raises EncodeError for what JSON can not carry."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS)
    except orjson.JSONEncodeError as error:
        raise EncodeError("$", "values that UTF-8 JSON can carry", str(error)) from error


def write_line(
    event: Event, *, seq: int, at: str, synced: int, state: str, chain: str, unknown: Unknown = NOTHING
) -> Line:
    """The line for `event`; `state` and `chain` are those of the line before. Raises EncodeError.

    `unknown`: fields of a newer release, when the event is copied from another log.
    """
    wire_name, data = WIRE_NAMES[type(event)], encode(event)
    after = _state(state, wire_name, graft(without_observed(type(event), data), unknown))
    data = graft(data, unknown)
    body = {"seq": seq, "type": wire_name, "at": at, "synced": synced, "data": data, "state": after}
    try:
        head = orjson.dumps(body)[:-1]
    except orjson.JSONEncodeError as error:
        raise EncodeError("$", "values that UTF-8 JSON can carry", str(error)) from error
    link = _linked(chain, head)
    raw = b'%b,"chain":"%b"}\n' % (head, link.encode())
    if len(raw) > MAX_LINE:
        raise EncodeError("$", f"a line of at most {MAX_LINE} bytes", len(raw))
    return Line(raw=raw, state=after, chain=link)


def chain_of(raw: bytes, previous: str) -> str:
    """What the chain of this line must be, from its raw bytes."""
    return _linked(previous, memoryview(raw)[:-_TAIL])


def read_line(raw: bytes, *, seq: int, chain: str, strict: bool = True) -> Record:
    """Check one terminated line against its place and the chain before it. Raises DecodeError saying what is wrong.

    Not `strict`: what is ambiguous (see `parse`) is left to whoever decodes the line. The chain covers every byte.
    """
    record = parse(raw, strict=strict)
    if record.seq != seq:
        raise DecodeError("$.seq", str(seq), record.seq)
    expected = chain_of(raw, chain)
    if raw[-_TAIL:] != b',"chain":"' + expected.encode() + b'"}\n':
        if not raw.endswith(f',"chain":"{record.chain}"}}\n'.encode()) or len(record.chain) != len(expected):
            raise DecodeError("$.chain", "64 hexadecimal digits at the end of the line", record.chain)
        raise DecodeError("$.chain", expected, record.chain)
    return record


def parse(raw: bytes, *, strict: bool = True) -> Record:
    """The envelope of one line, without looking at the chain. Raises DecodeError.

    `strict` refuses what JSON parsers read differently: keys that are there twice, integers that a float would round.
    """
    if len(raw) > MAX_LINE:
        raise DecodeError("$", f"a line of at most {MAX_LINE} bytes", len(raw))
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise DecodeError("$", "one JSON object", str(error)) from error
    if not isinstance(body, dict) or tuple(body) != KEYS:
        found = list(body) if isinstance(body, dict) else type(body).__name__
        raise DecodeError("$", "an object with the keys " + ", ".join(KEYS), found)
    if strict and _as_written(body) != raw[:-1]:
        _refuse_ambiguity(raw)
    number, wire_name, at, synced, _, state, chain = body.values()
    if not (type(number) is type(synced) is int and type(wire_name) is type(at) is type(state) is type(chain) is str):
        key, kind = next((key, kind) for key, kind in _TYPES if type(body[key]) is not kind)
        raise DecodeError(f"$.{key}", kind.__name__, body[key])
    # What __init__ would do, in a quarter of its time: the keys were just compared, and one is made per line.
    record = Record.__new__(Record)
    record.__dict__.update(body)
    return record


def _as_written(body: JSON) -> bytes:
    try:
        return orjson.dumps(body)
    except orjson.JSONEncodeError as error:  # it reads a thousand levels, and writes a quarter of them
        raise DecodeError("$", "values that are not nested so deeply", str(error)) from error


def _refuse_ambiguity(raw: bytes) -> None:
    # A re-dump that differs is only a hint (number formatting may change between orjson releases), so the slow parser
    # looks for what really is ambiguous: duplicate keys and numbers that a float would round.
    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        seen = dict(items)
        if len(seen) != len(items):
            keys = [key for key, _ in items]
            twice = next(key for key in keys if keys.count(key) > 1)
            raise DecodeError("$", "each key once", twice)
        return seen

    def integer(text: str) -> int:
        value = int(text) if len(text) < 24 else 2**80
        if abs(value) > 2**53:
            raise DecodeError("$", "integers within ±2^53", text[:40])
        return value

    json.loads(raw, object_pairs_hook=pairs, parse_int=integer)
