import pytest

from releases import NoVersion, Version, choose, order


def test_numbers_are_compared_as_numbers():
    assert order(["1.10.0", "1.9.0", "1.9.12", "0.99.0"]) == ["0.99.0", "1.9.0", "1.9.12", "1.10.0"]


def test_a_pre_release_comes_before_its_release():
    assert order(["2.0.0", "2.0.0-rc.1", "1.9.0"]) == ["1.9.0", "2.0.0-rc.1", "2.0.0"]


def test_a_version_is_written_as_it_was_read():
    assert str(Version("2.0.0-rc.1")) == "2.0.0-rc.1"


def test_the_newest_that_fits_is_chosen():
    assert choose(["1.2.0", "1.3.0", "2.0.0", "1.4.0-rc.1"], ">=1.2.0 <2.0.0") == "1.3.0"


def test_nothing_that_fits_is_told():
    with pytest.raises(NoVersion, match=">=3.0.0"):
        choose(["1.0.0"], ">=3.0.0")


def test_what_is_no_version_is_refused():
    with pytest.raises(ValueError, match="'1.2' is not a version"):
        Version("1.2")
