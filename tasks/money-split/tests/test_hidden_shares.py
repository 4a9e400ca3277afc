import pytest

from tipjar import split_evenly


@pytest.mark.parametrize("cents", [1, 7, 100, 101, 998, 999])
def test_no_cent_is_lost(cents):
    shares = split_evenly(cents, list("abcdefg"))
    assert sum(shares.values()) == cents
    assert max(shares.values()) - min(shares.values()) <= 1


def test_the_odd_cents_go_to_the_first():
    assert split_evenly(8, ["a", "b", "c"]) == {"a": 3, "b": 3, "c": 2}


def test_nobody_is_an_error():
    with pytest.raises(ValueError):
        split_evenly(1, [])
