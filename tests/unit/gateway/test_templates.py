"""Path templates: what paths they match."""

import re

import pytest

from gateway.templates import Template


@pytest.mark.parametrize(
    ("template", "path"),
    [
        ("/v1/members", "/v1/members"),
        ("/v1/{name=members/*}", "/v1/members/0190-a.b_c"),
        ("/v1/{parent=members/*}/holds", "/v1/members/1/holds"),
        ("/v1/{name=members/*/holds/*}:confirm", "/v1/members/1/holds/2:confirm"),
        ("/v1/members/{member}", "/v1/members/1"),
        ("/v1/files/{path=**}", "/v1/files/a/b/c"),
    ],
)
def test_a_template_matches_its_paths(template: str, path: str) -> None:
    assert re.fullmatch(Template.parse(template).regex, path)


@pytest.mark.parametrize(
    ("template", "path"),
    [
        ("/v1/members", "/v1/members/"),
        ("/v1/{name=members/*}", "/v1/members/1/holds"),
        ("/v1/{name=members/*}", "/v1/members/1:confirm"),
        ("/v1/{name=members/*}", "/v1/members/"),
        ("/v1/{name=members/*}", "/v1/Members/1"),
        ("/v1/a.b", "/v1/a-b"),
    ],
)
def test_a_template_matches_no_other_path(template: str, path: str) -> None:
    assert not re.fullmatch(Template.parse(template).regex, path)


def test_a_template_knows_the_fields_that_the_path_fills() -> None:
    variables = Template.parse("/v1/{order.name=orders/*}/lines/{line}").variables

    assert [(each.field, each.pattern) for each in variables] == [("order.name", "orders/*"), ("line", "*")]


def test_templates_that_differ_in_the_names_of_their_fields_have_one_shape() -> None:
    assert Template.parse("/v1/{name=orders/*}").shape == Template.parse("/v1/{order.name=orders/*}").shape


@pytest.mark.parametrize("text", ["", "v1/members", "/v1/{name", "/v1/}", "/v1/{Name=*}"])
def test_text_that_is_no_template_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no path template"):
        Template.parse(text)
