import pytest

from ledgers import TableError, read


def test_a_comma_between_quotes_is_text():
    assert read('name,motto\nann,"veni, vidi"\n') == [{"name": "ann", "motto": "veni, vidi"}]


def test_two_quotes_are_one():
    assert read('a\n"say ""hi"""\n""""\n') == [{"a": 'say "hi"'}, {"a": '"'}]


def test_a_line_break_between_quotes_is_text():
    assert read('a,b\n"x\ny",2\n3,4\n') == [{"a": "x\ny", "b": "2"}, {"a": "3", "b": "4"}]


def test_spaces_inside_quotes_stay_and_outside_go():
    assert read('a,b\n  " x " , y \n') == [{"a": " x ", "b": "y"}]


def test_names_may_be_quoted():
    assert read('"a,b",c\n1,2\n') == [{"a,b": "1", "c": "2"}]


def test_an_empty_quoted_field_is_empty():
    assert read('a,b\n"",1\n') == [{"a": "", "b": "1"}]


def test_a_row_of_one_empty_quoted_field_is_a_row():
    assert read('a\n""\n\n"x"\n') == [{"a": ""}, {"a": "x"}]


@pytest.mark.parametrize(
    ("text", "line"), [('a\n1\n"x\n', 3), ('a,b\n"x\ny" z,1\n', 2), ('a\n"x\n\n\n', 2)]
)
def test_an_error_names_the_line_where_the_field_began(text, line):
    with pytest.raises(TableError, match=f"line {line}"):
        read(text)


def test_lines_are_counted_through_quoted_line_breaks():
    with pytest.raises(TableError, match="line 4: expected 1 fields, found 2"):
        read('a\n"x\ny"\n1,2\n')
