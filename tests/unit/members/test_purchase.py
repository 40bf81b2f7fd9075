"""What is known of an order, and what it earns by that."""

from __future__ import annotations

from dataclasses import replace

from services.members.domain.programme import Rate
from services.members.domain.purchase import Purchase
from tests.support.builders.members import dollars, programme, settlement


def test_older_news_change_nothing() -> None:
    newest = settlement(net=40, version=3)
    known = Purchase.first(newest, programme())
    for version in (1, 2, 3):
        assert known.told(replace(newest, net=dollars(99), version=version)) is known


def test_newer_news_replace_what_was_known() -> None:
    first = settlement(net=100, version=1)
    known = Purchase.first(first, programme()).told(replace(first, net=dollars(60), version=2))
    assert (known.net, known.version) == (dollars(60), 2)


def test_points_once_given_back_stay_given_back() -> None:
    first = settlement(net=100, version=1)
    refunded = Purchase.first(first, programme()).told(replace(first, version=2, returned=30))
    assert refunded.returned == 30
    assert refunded.told(replace(first, version=3)).returned == 30


def test_the_difference_to_what_it_should_have_is_earned() -> None:
    known, difference = Purchase.first(settlement(net=100), programme()).earning(programme())
    assert (known.earned, difference) == (100, 100)
    assert known.earning(programme()) == (known, 0)
    assert replace(known, net=dollars(30)).earning(programme())[1] == -70


def test_an_order_keeps_the_rules_it_first_earned_by() -> None:
    known = Purchase.first(settlement(), programme())
    assert known.rules == programme().version
    later = replace(programme(earn=Rate(2, dollars(1))), version=2)
    assert known.told(settlement(order=known.order, version=9)).rules != later.version
