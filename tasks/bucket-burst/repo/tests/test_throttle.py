import pytest

from throttle import Bucket, Limiter


def test_a_full_bucket_allows_the_burst():
    bucket = Bucket(rate=1, burst=3)
    assert [bucket.take(0.0) for _ in range(3)] == [True, True, True]


def test_after_the_burst_there_is_a_pause():
    bucket = Bucket(rate=2, burst=1)
    assert bucket.take(0.0)
    assert not bucket.take(0.1)


def test_clients_do_not_share():
    limiter = Limiter(rate=1, burst=1)
    assert limiter.allow("a", 0.0)
    assert limiter.allow("b", 0.0)


def test_a_burst_must_be_possible():
    with pytest.raises(ValueError):
        Bucket(rate=1, burst=0)
