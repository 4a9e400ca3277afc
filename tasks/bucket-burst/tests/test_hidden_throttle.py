import pytest

from throttle import Bucket, Limiter


@pytest.mark.parametrize("idle", [10, 3600, 10**6])
def test_a_quiet_time_does_not_save_up_more_than_the_burst(idle):
    bucket = Bucket(rate=1, burst=5)
    assert sum(bucket.take(float(idle)) for _ in range(50)) == 5


def test_tokens_come_back_at_the_rate():
    bucket = Bucket(rate=2, burst=4)
    for _ in range(4):
        bucket.take(0.0)
    assert bucket.wait(0.0) == 0.5
    assert bucket.take(0.5)
    assert not bucket.take(0.5)


def test_the_limiter_limits():
    limiter = Limiter(rate=1, burst=2)
    assert [limiter.allow("a", t) for t in (0.0, 0.0, 0.0, 1.0, 1.0)] == [True, True, False, True, False]
