"""Products."""

from __future__ import annotations

from datetime import timedelta

import pytest

from kit.errors import Fault
from kit.money import Money
from kit.names import new_id
from services.orders.domain.product import Component, Content, Product, ProductState
from services.orders.domain.product_group import Option
from tests.support.builders.catalogue import a_group
from tests.support.builders.orders import NOW, a_product

LATER = NOW + timedelta(hours=1)


@pytest.mark.parametrize(("sku", "title"), [(" ", "Tea"), ("T-1", "\t")])
def test_a_product_needs_a_sku_and_a_title(sku: str, title: str) -> None:
    with pytest.raises(Fault, match="must not be blank"):
        Product.create(new_id(), sku, Content(title, Money(1, "CNY")), NOW)


def test_a_change_counts_up_the_version_and_says_when() -> None:
    changed = a_product().update({"title": "Black tea", "price": Money(0, "CNY")}, LATER)
    assert (changed.title, changed.price, changed.version, changed.update_time) == (
        "Black tea",
        Money(0, "CNY"),
        2,
        LATER,
    )


def test_a_change_to_what_is_there_changes_nothing() -> None:
    product = a_product()
    assert product.update({"title": product.title}, LATER) is product
    assert product.activate(LATER) is product


def test_a_category_is_changed_and_taken_away() -> None:
    product = a_product(category="tea")
    drinks = product.update({"category": "drinks"}, LATER)
    assert (drinks.category, drinks.title, drinks.version) == ("drinks", product.title, 2)
    assert drinks.update({"category": ""}, LATER).category == ""


def test_a_title_cannot_be_taken_away() -> None:
    with pytest.raises(Fault, match="must not be blank"):
        a_product().update({"title": ""}, LATER)


def test_an_archived_product_can_be_activated_again() -> None:
    archived = a_product().archive(LATER)
    assert (archived.state, archived.active) == (ProductState.ARCHIVED, False)
    assert archived.activate(LATER).active


@pytest.mark.parametrize(
    "changes",
    [
        {"components": (Component(new_id(), 1),) * 2},
        {"summed": True},
        {"options": {"size": "S"}},
    ],
)
def test_contents_that_make_no_sense_are_refused(changes: dict[str, object]) -> None:
    with pytest.raises(Fault):
        a_product().update(changes, LATER)


def test_a_variant_has_a_known_value_for_each_option_and_nothing_else() -> None:
    group = a_group()
    assert group.misfit({"colour": "red", "size": "S"}) is None
    for options in ({"colour": "red"}, {"colour": "red", "size": "XXL"}, {"colour": "red", "size": "S", "x": "y"}):
        assert group.misfit(options) is not None


def test_a_group_keeps_what_its_variants_have() -> None:
    group, variants = a_group(), [{"colour": "red", "size": "S"}]
    fewer = {"options": (Option("colour", ("red",)), Option("size", ("S",)))}
    assert group.update(fewer, variants, LATER).version == 2
    with pytest.raises(Fault, match="red"):
        group.update({"options": (Option("colour", ("blue",)), Option("size", ("S",)))}, variants, LATER)
