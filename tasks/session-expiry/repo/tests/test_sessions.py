from sessions import SessionStore


class Clock:
    def __init__(self):
        self.now = 0

    def __call__(self):
        return self.now


def test_a_session_is_found_again():
    store = SessionStore(Clock())
    assert store.user(store.open("ann")) == "ann"


def test_looking_keeps_it_alive():
    clock = Clock()
    store = SessionStore(clock)
    token = store.open("ann")
    clock.now = 20
    store.user(token)
    clock.now = 45
    assert store.user(token) == "ann"


def test_it_is_over_after_its_lifetime():
    clock = Clock()
    store = SessionStore(clock)
    token = store.open("ann")
    clock.now = 30
    assert store.user(token) is None
