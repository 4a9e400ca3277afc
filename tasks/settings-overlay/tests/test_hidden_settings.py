import copy

from settings import Layers, overlay


def test_nothing_below_is_changed_at_any_depth():
    base = {"a": {"b": {"c": {"d": 1}}, "e": 2}}
    before = copy.deepcopy(base)
    merged = overlay(base, {"a": {"b": {"c": {"d": 5, "f": 6}}}})
    assert base == before
    assert merged == {"a": {"b": {"c": {"d": 5, "f": 6}}, "e": 2}}


def test_customers_do_not_see_each_other():
    layers = Layers(defaults={"x": {"y": 1}}, ann={"x": {"y": 2}}, bob={})
    assert layers.settings("defaults", "ann") == {"x": {"y": 2}}
    assert layers.settings("defaults", "bob") == {"x": {"y": 1}}
