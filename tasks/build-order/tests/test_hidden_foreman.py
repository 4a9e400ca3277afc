import random

import pytest

from foreman import Cycle, order


def test_a_diamond():
    assert order({"app": ["api", "db"], "api": ["core"], "db": ["core"], "core": []}) == ["core", "api", "db", "app"]


def test_a_chain_against_the_alphabet():
    assert order({"a": ["b"], "b": ["c"], "c": []}) == ["c", "b", "a"]


def test_everything_comes_after_what_it_needs():
    draw = random.Random(4)
    names = [f"t{n:02}" for n in reversed(range(30))]
    needs = {name: draw.sample(names[:n], min(n, 3)) for n, name in enumerate(names)}
    place = {name: n for n, name in enumerate(order(needs))}
    assert all(place[below] < place[name] for name, belows in needs.items() for below in belows)


def test_a_circle_is_refused():
    with pytest.raises(Cycle):
        order({"a": ["b"], "b": ["a"], "c": []})
