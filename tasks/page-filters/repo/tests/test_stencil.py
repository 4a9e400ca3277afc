import pytest

from stencil import Template, TemplateError


def test_values_are_inserted():
    assert Template("Dear {{ name }},\n{{x}}").render({"name": "Ann", "x": 3}) == "Dear Ann,\n3"


def test_a_missing_name_is_told_with_its_line():
    with pytest.raises(TemplateError, match="line 2: there is no 'b'"):
        Template("a\n{{ b }}").render({})


def test_an_open_tag_is_refused():
    with pytest.raises(TemplateError, match="line 1: a tag is not closed"):
        Template("{{ a")
