import pytest

from sessions import SessionStore


@pytest.mark.parametrize("lifetime", [1, 5, 60])
def test_a_lifetime_of_its_own_ends_on_time(lifetime):
    now = [100]
    store = SessionStore(lambda: now[0])
    token = store.open("bob", lifetime=lifetime)
    now[0] += lifetime
    assert store.user(token) is None
    assert len(store) == 0


@pytest.mark.parametrize("lifetime", [1, 5, 60])
def test_until_then_it_is_valid(lifetime):
    now = [100.0]
    store = SessionStore(lambda: now[0])
    token = store.open("bob", lifetime=lifetime)
    now[0] += lifetime - 0.5
    assert store.user(token) == "bob"


def test_purge_counts_what_is_over():
    now = [0]
    store = SessionStore(lambda: now[0])
    store.open("a")
    now[0] = 30
    assert store.purge() == 1
