import pytest

from stencil import Template, TemplateError


@pytest.mark.parametrize(
    ("source", "values", "text"),
    [
        ("{{ a | upper }}", {"a": "x"}, "X"),
        ("{{ a | trim | upper }}", {"a": " x "}, "X"),
        ("{{ a | cut: 3 }}", {"a": "abcdef"}, "abc…"),
        ("{{ a | cut: 6 }}", {"a": "abcdef"}, "abcdef"),
        ('{{ a | join: ", " }}', {"a": [1, 2]}, "1, 2"),
        ("{{ a | length }}", {"a": [1, 2, 3]}, "3"),
        ('{{ a | default: "you" | upper }}', {}, "YOU"),
        ('{{ a | default: "none" }}', {"a": ""}, "none"),
        ('{{ a | default: "none" }}', {"a": 0}, "0"),
        ('{{ a | default: "none" }}', {"a": None}, "none"),
        ('{{ a | join: " | }} : " }}!', {"a": ["x", "y"]}, "x | }} : y!"),
    ],
)
def test_filters(source, values, text):
    assert Template(source).render(values) == text


def test_filters_of_ones_own():
    template = Template('{{ a | wrap: "<", ">" }}', filters={"wrap": lambda v, left, right: left + str(v) + right})
    assert template.render({"a": 5}) == "<5>"


def test_a_filter_sees_the_value_as_it_is():
    seen = []
    Template("{{ a | look }}", filters={"look": lambda v: seen.append(v) or v}).render({"a": [1]})
    assert seen == [[1]]


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("a\n\n{{ a | uper }}", "line 3: unknown filter 'uper'"),
        ("{{ a | }}", "line 1"),
        ("{{ a | cut: }}", "line 1"),
        ("{{ a b }}", "line 1"),
        ("\n{{ | upper }}", "line 2"),
    ],
)
def test_what_is_malformed_is_found_when_the_template_is_made(source, message):
    with pytest.raises(TemplateError, match=message):
        Template(source)


@pytest.mark.parametrize("source", ["\n{{ a | cut }}", "\n{{ a | upper: 3 }}"])
def test_wrong_arguments_are_told_with_the_line(source):
    with pytest.raises(TemplateError, match="line 2"):
        Template(source).render({"a": "x"})


def test_a_missing_name_is_still_an_error():
    with pytest.raises(TemplateError, match="there is no 'a'"):
        Template("{{ a | upper }}").render({})
