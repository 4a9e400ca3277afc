import pytest

from waymark import Pattern, Router


@pytest.mark.parametrize("prefix", ["", "/api", "/api/v2/"])
def test_links_begin_with_the_prefix(prefix):
    router = Router(prefix=prefix)
    router.add("user", "/users/{name}")
    assert router.link("user", name="ann") == prefix.rstrip("/") + "/users/ann"


def test_a_parameter_may_stand_once():
    with pytest.raises(ValueError):
        Pattern("/{a}/{a}")
