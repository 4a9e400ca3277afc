import pytest

from settings import lookup, overlay


def test_a_plain_value_is_replaced():
    assert overlay({"name": "?", "size": 1}, {"name": "x"}) == {"name": "x", "size": 1}


def test_a_dictionary_is_merged():
    assert overlay({"a": {"b": 1, "c": 2}}, {"a": {"b": 9}}) == {"a": {"b": 9, "c": 2}}


def test_the_defaults_stay_as_they_are():
    defaults = {"limits": {"upload": 10, "users": 5}}
    overlay(defaults, {"limits": {"upload": 99}})
    assert defaults == {"limits": {"upload": 10, "users": 5}}


def test_a_missing_part_is_named():
    with pytest.raises(KeyError, match="a.x"):
        lookup({"a": {}}, "a.x.y")
