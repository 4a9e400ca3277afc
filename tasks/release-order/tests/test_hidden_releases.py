import itertools

import pytest

from releases import Version, choose, order

SORTED = [
    "1.0.0-1", "1.0.0-2", "1.0.0-10", "1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.2", "1.0.0-alpha.11",
    "1.0.0-alpha.x", "1.0.0-beta", "1.0.0-rc.9", "1.0.0-rc.10", "1.0.0-rc.10.1", "1.0.0", "1.0.1-1", "1.0.1",
]  # fmt: skip


def test_the_tenth_candidate_comes_after_the_ninth():
    assert order(["1.0.0-rc.10", "1.0.0", "1.0.0-rc.9"]) == ["1.0.0-rc.9", "1.0.0-rc.10", "1.0.0"]


def test_the_whole_order():
    assert order(reversed(SORTED)) == SORTED


def test_any_two_versions_compare_as_they_stand():
    for lower, higher in itertools.combinations(map(Version, SORTED), 2):
        assert lower < higher
        assert not higher < lower


@pytest.mark.parametrize(("newest", "of"), [("3.0.0-b.100", ["3.0.0-b.99", "3.0.0-b.100"]), ("3.0.0-a", ["3.0.0-a", "3.0.0-7"])])
def test_the_newest_pre_release_is_chosen(newest, of):
    assert choose(of, ">=3.0.0-0", pre_releases=True) == newest


def test_a_number_comes_before_a_word():
    assert Version("1.0.0-x.5") < Version("1.0.0-x.4a")


def test_leading_zeros_do_not_make_a_number_another():
    assert Version("1.0.0-rc.07") == Version("1.0.0-rc.7")
    assert hash(Version("1.0.0-rc.07")) == hash(Version("1.0.0-rc.7"))


def test_a_short_pre_release_comes_before_a_longer_one():
    assert Version("1.0.0-alpha") < Version("1.0.0-alpha.1")


def test_a_version_still_reads_as_it_was_written():
    assert str(Version("v1.0.0-rc.10")) == "1.0.0-rc.10"
