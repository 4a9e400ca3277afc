import pytest

from waymark import NoRoute, Router


@pytest.fixture
def router():
    made = Router(prefix="/api")
    made.add("post", "/posts/{post}")
    made.add("comment", "/posts/{post}/comments/{number}")
    return made


def test_a_path_finds_its_route(router):
    assert router.match("/api/posts/7/comments/3") == ("comment", {"post": "7", "number": "3"})


def test_a_link_leads_back(router):
    link = router.link("comment", post=7, number=3)
    assert router.match(link) == ("comment", {"post": "7", "number": "3"})


def test_an_unknown_path_is_no_route(router):
    with pytest.raises(NoRoute):
        router.match("/api/users")
