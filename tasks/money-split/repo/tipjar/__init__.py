"""Sharing bills. All amounts are whole cents."""

from tipjar.bills import Bill, total
from tipjar.shares import split_by_weight, split_evenly

__all__ = ["Bill", "split_by_weight", "split_evenly", "total"]
