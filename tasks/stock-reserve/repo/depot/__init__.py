"""What is on the shelves, and for whom."""

from depot.orders import Line, parse_order
from depot.stock import OutOfStock, Stock

__all__ = ["Line", "OutOfStock", "Stock", "parse_order"]
