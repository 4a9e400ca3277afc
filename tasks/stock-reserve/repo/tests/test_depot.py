import pytest

from depot import OutOfStock, Stock, parse_order


def test_what_is_reserved_is_not_free():
    stock = Stock({"bolt": 5})
    stock.reserve(parse_order("3 x bolt"))
    assert stock.free("bolt") == 2


def test_a_refused_order_reserves_nothing():
    stock = Stock({"bolt": 5, "nut": 1})
    with pytest.raises(OutOfStock):
        stock.reserve(parse_order("3 x bolt\n2 x nut"))
    assert stock.free("bolt") == 5


def test_shipping_takes_it_off_the_shelf():
    stock = Stock({"bolt": 5})
    order = parse_order("2 x bolt")
    stock.reserve(order)
    stock.ship(order)
    assert stock.free("bolt") == 3
