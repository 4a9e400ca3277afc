from galley import centre, columns, fill


def test_a_line_is_filled_to_the_last_character():
    assert fill("aaa bbb ccc ddd", 11) == ["aaa bbb ccc", "ddd"]


def test_no_text_has_no_lines():
    assert fill("  ", 5) == []


def test_columns_are_aligned():
    assert columns([["a", "b"], ["ccc", "d"]]) == ["a    b", "ccc  d"]


def test_a_line_is_centred():
    assert centre("ab", 5) == " ab"
