import pytest

from ledgers import TableError, read, write


def test_rows_become_dictionaries():
    assert read("a,b\n1,2\n3, 4\n") == [{"a": "1", "b": "2"}, {"a": "3", "b": "4"}]


def test_what_is_written_is_read():
    table = [{"a": "1", "b": "2"}]
    assert read(write(table)) == table


def test_a_short_row_is_named():
    with pytest.raises(TableError, match="line 2: expected 2 fields, found 1"):
        read("a,b\n1\n")
