"""Redaction: no form of a secret is left, nothing else is touched, and what holds the text stays what it was."""

from __future__ import annotations

import json
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from urllib.parse import quote, quote_plus

import attrs
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from coding_agent.events.redact import NO_SECRETS, Secrets, forms
from coding_agent.events.schema import ToolResult
from coding_agent.events.values import TokenRecord, Usage
from tests.leaks import leaks

SECRET = 'sk-Z9/q+4f?hW7"v\\x2 8tY'
SECRETS = Secrets.of({"MY_KEY": SECRET})
printable = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=8, max_size=60)
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
ENCODERS: dict[str, Callable[[str], bytes]] = {
    "plain": str.encode,
    "reversed": lambda text: text[::-1].encode(),
    "base64": lambda text: b64encode(text.encode()),
    "base64 after one byte": lambda text: b64encode(b"x" + text.encode() + b"yz"),
    "base64 after two bytes": lambda text: b64encode(b"xy" + text.encode() + b"z"),
    "url-safe base64": lambda text: urlsafe_b64encode(b"~?" + text.encode()),
    "hexadecimal": lambda text: text.encode().hex().encode(),
    "HEXADECIMAL": lambda text: text.encode().hex().upper().encode(),
    "hexadecimal with spaces": lambda text: text.encode().hex(" ").encode(),
    "percent": lambda text: quote(text, safe="").encode(),
    "form": lambda text: quote_plus(text).encode(),
    "JSON": lambda text: json.dumps({"a": text}).encode(),
    "JSON in JSON": lambda text: json.dumps(json.dumps({"a": text})).encode(),
    "repr": lambda text: repr(text).encode(),
    "utf-16-le": lambda text: text.encode("utf-16-le"),
    "utf-16-be": lambda text: text.encode("utf-16-be"),
    "base64 of utf-16": lambda text: b64encode(text.encode("utf-16-le")),
}


@pytest.mark.parametrize("encoding", ENCODERS)
@given(secret=printable, before=st.binary(max_size=9), after=st.binary(max_size=9))
def test_no_encoding_of_a_secret_is_left(encoding: str, secret: str, before: bytes, after: bytes) -> None:
    written = ENCODERS[encoding](secret)
    assume(leaks(before + after, secret) == [])
    clean, count = Secrets.of({"A_KEY": secret}).scrub(before + b"\n" + written + b"\n" + after)
    assert count >= 1
    assert leaks(clean, secret) == []


@given(printable, texts)
def test_text_without_it_is_left_alone(secret: str, text: str) -> None:
    secrets = Secrets.of({"A_KEY": secret})
    assume(not any(form[: len(form) // 2] in text.encode() for form in forms(secret.encode())))
    assert secrets.scrub(text) == (text, 0)


@given(st.binary(max_size=60), printable)
def test_a_second_time_there_is_nothing_left_to_do(data: bytes, secret: str) -> None:
    secrets = Secrets.of({"A": secret})
    assume("redacted" not in secret and "[" not in secret and "]" not in secret and ":" not in secret)
    once, _ = secrets.scrub(data + secret.encode() + data)
    assert secrets.scrub(once) == (once, 0)


@pytest.mark.parametrize("kept", range(1, 48))
def test_a_secret_that_was_cut_keeps_less_than_half_of_itself(kept: int) -> None:
    secret = "".join(chr(33 + n) for n in range(48))
    clean, _ = Secrets.of({"A_KEY": secret}).scrub("output: " + secret[:kept])
    again, _ = Secrets.of({"A_KEY": secret}).scrub(secret[-kept:] + " and more")
    for text in (clean, again):
        assert secret[:24] not in text
        assert secret[-24:] not in text


def test_base64_that_is_wrapped_in_the_middle_of_it_is_found() -> None:
    wrapped = b"\n".join(b64encode(b"x" * 50 + SECRET.encode() * 2)[i : i + 76] for i in range(0, 200, 76))
    assert SECRETS.scrub(wrapped)[1] >= 1


def test_each_line_of_a_private_key_is_a_secret() -> None:
    key = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nBKcwggSjAgEAAoIBAQDKx7\n-----END PRIVATE KEY-----\n"
    secrets = Secrets.of({"DEPLOY_KEY": key})
    assert secrets.scrub("     2\tMIIEvQIBADANBgkqhkiG9w0BAQEFAASC") == ("     2\t[redacted:DEPLOY_KEY]", 1)
    assert secrets.scrub("-----BEGIN PRIVATE KEY-----") == ("-----BEGIN PRIVATE KEY-----", 0)


def test_what_is_short_is_no_secret() -> None:
    assert not Secrets.of({"A_TOKEN": "1234567"})
    assert NO_SECRETS.scrub("anything") == ("anything", 0)


def test_it_goes_as_deep_as_the_value_does_and_counts() -> None:
    event = ToolResult(call="1.0", outcome="ok", text=f"a {SECRET} b {SECRET}")
    clean, count = SECRETS.scrub((event, {"k": [SECRET], SECRET: 1}))
    assert count == 4
    assert clean == (
        attrs.evolve(event, text="a [redacted:MY_KEY] b [redacted:MY_KEY]"),
        {"k": ["[redacted:MY_KEY]"], "[redacted:MY_KEY]": 1},
    )


def test_numbers_and_what_is_clean_are_the_same_objects() -> None:
    value = (TokenRecord(prompt_ids=(1, 2), completion_ids=(3,), logprobs=(-0.5, "-inf")), Usage(), None, True)
    assert SECRETS.scrub(value)[0] is value


def test_lone_surrogates_pass_through() -> None:
    assert SECRETS.scrub(f"\ud83d {SECRET} \udcff") == ("\ud83d [redacted:MY_KEY] \udcff", 1)


def test_its_own_representation_shows_names_only() -> None:
    assert SECRET not in repr(SECRETS)
    assert "MY_KEY" in repr(SECRETS)
