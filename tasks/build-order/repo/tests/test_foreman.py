from foreman import order, parse


def test_nothing_needs_no_order():
    assert order({}) == []


def test_a_target_alone():
    assert order({"a": []}) == ["a"]


def test_what_is_needed_is_a_target():
    assert parse("app: lib  # comment") == {"app": ["lib"], "lib": []}


def test_independent_targets_go_by_the_alphabet():
    assert order({"b": [], "a": [], "c": []}) == ["a", "b", "c"]
