from __future__ import annotations

import hashlib

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coding_agent.errors import DecodeError, EncodeError
from coding_agent.events.line import CHAIN_SEED, STATE_SEED, next_state, parse, read_line, write_line
from coding_agent.events.schema import Event, Stopped, ToolResult
from coding_agent.events.text import escape, unescape
from tests.events.strategies import events

AT = "2026-01-02T03:04:05.000006Z"


def line(event: Event, seq: int = 0, synced: int = -1) -> bytes:
    return write_line(event, seq=seq, at=AT, synced=synced, state=STATE_SEED, chain=CHAIN_SEED).raw


def test_the_published_vector() -> None:
    raw = line(Stopped(cause="cancelled", stage="tool"))
    head = (
        b'{"seq":0,"type":"stopped","at":"2026-01-02T03:04:05.000006Z","synced":-1,'
        b'"data":{"cause":"cancelled","stage":"tool"},"state":"'
    )
    canonical = b'{"data":{"cause":"cancelled","stage":"tool"},"type":"stopped"}'
    state = hashlib.sha256(hashlib.sha256(b"coding-agent state v1\n").hexdigest().encode() + canonical).hexdigest()
    body = head + state.encode() + b'"'
    chain = hashlib.sha256(hashlib.sha256(b"coding-agent log v1\n").hexdigest().encode() + body).hexdigest()
    assert raw == body + b',"chain":"' + chain.encode() + b'"}\n'


@given(events)
def test_a_written_line_reads_back(event: Event) -> None:
    record = read_line(line(event), seq=0, chain=CHAIN_SEED)
    assert record.event == event
    assert record.state == next_state(STATE_SEED, event)


@given(events, st.data())
def test_no_flipped_bit_goes_unnoticed(event: Event, data: st.DataObject) -> None:
    raw = bytearray(line(event))
    at = data.draw(st.integers(0, len(raw) - 2))
    raw[at] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(DecodeError):
        read_line(bytes(raw), seq=0, chain=CHAIN_SEED)


def test_a_line_in_anothers_place_is_refused() -> None:
    raw = line(Stopped(cause="cancelled", stage="tool"), seq=1)
    with pytest.raises(DecodeError, match=r"\$\.seq: expected '?0'?, found 1"):
        read_line(raw, seq=0, chain=CHAIN_SEED)


def test_a_key_written_twice_is_refused() -> None:
    raw = line(Stopped(cause="cancelled", stage="tool")).replace(b'"stage":"tool"', b'"stage":"tool","stage":"tool"')
    with pytest.raises(DecodeError, match="each key once"):
        parse(raw)


def test_an_integer_that_a_float_would_round_is_refused() -> None:
    raw = line(Stopped(cause="cancelled", stage="tool")).replace(b'"synced":-1', b'"synced":18446744073709551616')
    with pytest.raises(DecodeError):
        parse(raw)


def test_a_line_beyond_16_mib_is_refused_before_it_is_written() -> None:
    with pytest.raises(EncodeError, match="a line of at most 16777216 bytes"):
        line(ToolResult(call="1.0", outcome="ok", text="x" * (16 << 20)))


def test_text_that_utf8_can_not_carry_is_refused_on_write() -> None:
    with pytest.raises(EncodeError, match="UTF-8"):
        line(ToolResult(call="1.0", outcome="ok", text="\ud800"))


@given(st.text(st.characters()))
def test_escaped_text_is_utf8_and_comes_back(text: str) -> None:
    escaped = escape(text)
    assert escaped.encode().decode() == escaped
    assert unescape(escaped) == text


def test_state_ignores_time_and_chain_does_not() -> None:
    one = write_line(
        Stopped(cause="cancelled", stage="t"), seq=0, at="a", synced=-1, state=STATE_SEED, chain=CHAIN_SEED
    )
    two = write_line(
        Stopped(cause="cancelled", stage="t"), seq=0, at="b", synced=-1, state=STATE_SEED, chain=CHAIN_SEED
    )
    assert one.state == two.state
    assert one.chain != two.chain


def test_the_keys_stand_in_the_published_order() -> None:
    body = orjson.loads(line(Stopped(cause="cancelled", stage="tool")))
    assert list(body) == ["seq", "type", "at", "synced", "data", "state", "chain"]
