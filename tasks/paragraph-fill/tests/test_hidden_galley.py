import pytest

from galley import fill


@pytest.mark.parametrize("width", range(1, 20))
def test_no_line_is_too_wide_and_no_letter_is_lost(width):
    text = "the quick brown fox jumps over an incomprehensible dog"
    lines = fill(text, width)
    assert max(map(len, lines)) <= width
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")


def test_a_long_word_is_cut():
    assert fill("abcdefgh ij", 3) == ["abc", "def", "gh", "ij"]


def test_lines_are_as_full_as_they_can_be():
    assert fill("a b c d e", 5) == ["a b c", "d e"]
