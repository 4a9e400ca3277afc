import pytest

from depot import Line, OutOfStock, Stock


def test_an_article_that_comes_twice_is_counted_together():
    stock = Stock({"bolt": 5})
    with pytest.raises(OutOfStock):
        stock.reserve([Line("bolt", 3), Line("bolt", 3)])
    assert stock.free("bolt") == 5


def test_many_refused_orders_leave_everything_free():
    stock = Stock({"a": 2, "b": 2, "c": 0})
    for _ in range(5):
        with pytest.raises(OutOfStock):
            stock.reserve([Line("a", 1), Line("b", 1), Line("c", 1)])
    assert (stock.free("a"), stock.free("b")) == (2, 2)


def test_an_order_that_fits_exactly_is_served():
    stock = Stock({"bolt": 5})
    stock.reserve([Line("bolt", 2), Line("bolt", 3)])
    assert stock.free("bolt") == 0
