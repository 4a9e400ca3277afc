"""Words and bytes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from coding_agent.events.text import escape
from coding_agent.sandbox.base import ExecResult
from coding_agent.tools.run_command import render
from coding_agent.tools.text import to_bytes, visible


def result(head: bytes, tail: bytes = b"", *, total: int | None = None, status: int | None = 0) -> ExecResult:
    size = len(head + tail) if total is None else total
    return ExecResult(
        head=head, tail=tail, total_bytes=size, sha256="0" * 64, exit_status=status, timed_out=status is None
    )


def test_what_is_not_text_is_shown_by_number() -> None:
    assert visible(b"a\tb\n\x1b[0m\r\xff\xc2\x85\x7fz") == "a\tb\n\\x1b[0m\\x0d\\xff\\u0085\\x7fz"


@given(st.text(st.characters(exclude_categories=["Cc", "Cs"])))
def test_ordinary_text_is_shown_as_it_is(text: str) -> None:
    assert visible(text.encode()) == text


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_escaped_arguments_become_the_bytes_that_were_meant(text: str) -> None:
    assert to_bytes(escape(text)) == text.encode()


def test_output_follows_how_the_command_ended() -> None:
    assert render(result(b"hi\n", status=1), 10) == ("exit status 1\nhi\n", None)


def test_a_silent_command_is_one_line() -> None:
    assert render(result(b""), 10) == ("exit status 0", None)


def test_a_signal_is_named() -> None:
    assert render(result(b"", status=-9), 10)[0] == "killed by signal 9"


def test_a_timeout_says_what_became_of_the_processes() -> None:
    assert render(result(b"x", status=None), 2.5)[0] == "timed out after 2.5 s; everything it started was killed\nx"


def test_long_output_says_how_much_of_it_is_not_shown() -> None:
    text, dropped = render(result(b"head", b"tail", total=100), 10)
    assert text == "exit status 0\nhead\n[92 bytes dropped]\ntail"
    assert dropped is not None
    assert (dropped.bytes, dropped.sha256) == (92, "0" * 64)


def test_a_cut_never_splits_a_character() -> None:
    text, dropped = render(result("né".encode()[:2], "é!".encode()[1:], total=100), 10)
    assert text == "exit status 0\nn\n[98 bytes dropped]\n!"
    assert dropped is not None
    assert dropped.bytes == 98
