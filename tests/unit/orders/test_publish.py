"""Events: the JSON that is written by hand is what the messages would say."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from google.protobuf import json_format
from kehu.orders.v1 import events_pb2

from kit.names import new_id
from services.orders.domain import imports
from services.orders.domain.events import Fact, OrderCompleted, OrderPaid, PriceChanged, ProductChanged
from services.orders.domain.order_content import Buyer
from services.orders.domain.order_state import CancelReason
from services.orders.domain.payment import Tender
from services.orders.domain.price_list import Entry
from services.orders.domain.product import Component, Window
from services.orders.domain.refund import Claim
from services.orders.publish import to_event
from tests.support.builders.catalogue import a_price_list
from tests.support.builders.orders import (
    NOW,
    a_product,
    a_tender,
    an_import_line,
    an_import_row,
    an_item,
    an_order,
    paid,
)

ORDER = an_order(
    an_item(quantity=2, unit_price=1050, discount=1, category="茶 tea"),
    an_item(unit_price=0),
    store="tea-1",
    coupons=["coupons/1"],
    tender=a_tender(points=50, value=50),
)
LATER = NOW + timedelta(microseconds=1)
FACTS: list[Fact] = [
    ORDER.placed(),
    an_order(buyer=Buyer(account=new_id(), opportunity=new_id()), pay_within=None).placed(),
    OrderPaid(ORDER.pay(Tender.MANUAL, ORDER.money(ORDER.due), reference="", now=LATER)[0]),
    ORDER.cancel(CancelReason.EXPIRED, LATER)[1],
    an_order(buyer=Buyer()).cancel(CancelReason.CUSTOMER, LATER)[1],
    OrderCompleted(paid(ORDER).complete(LATER)[0]),
    paid(ORDER).refund(new_id(), Claim.units((1, 1)), reason="", request_id="", now=LATER)[2],
    paid(ORDER).refund(new_id(), Claim.units((1, 2), (2, 1)), reason="", request_id="", now=LATER)[2],
    paid(an_order()).refund(new_id(), Claim.units((1, 1)), reason="", request_id="", now=LATER)[2],
    imports.order_of(an_import_row(an_import_line(amount=0), an_import_line(currency="JPY")), NOW)[1],
    imports.order_of(replace(an_import_row(member=new_id()), channel="客户"), NOW)[1],
    imports.order_of(an_import_row(an_import_line(category="music"), an_import_line(), store="cd-2"), NOW)[1],
]


def test_a_refund_gives_the_coupons_back_once_nothing_is_left() -> None:
    some, all_of_it = (json.loads(to_event(FACTS[number]).payload) for number in (6, 7))
    assert "returnedCoupons" not in some
    assert all_of_it["returnedCoupons"] == ["coupons/1"]


TEA = a_product(category="tea")
CATALOGUE = [
    ProductChanged(TEA),
    ProductChanged(TEA.update({"components": (Component(new_id(), 2),), "group": new_id()}, LATER)),
    PriceChanged(a_price_list()),
    PriceChanged(
        a_price_list(
            priority=3,
            channel="web",
            store="tea-1",
            tier="gold",
            segment=new_id(),
            account=new_id(),
            window=Window(NOW, LATER),
        ),
        (Entry(TEA.id, 1, 990),),
        ((TEA.id, 10),),
    ),
]


@pytest.mark.parametrize("fact", [*FACTS, *CATALOGUE], ids=lambda fact: type(fact).__name__)
def test_the_payload_is_the_proto_json_of_its_message(fact: object) -> None:
    event = to_event(fact)
    message = getattr(events_pb2, event.type)()
    json_format.Parse(event.payload, message)
    assert event.schema == message.DESCRIPTOR.full_name
    assert normal(json.loads(event.payload)) == normal(json.loads(json_format.MessageToJson(message)))


def normal(value: Any) -> Any:
    """Without empty messages' fields and with instants of one precision."""
    if isinstance(value, dict):
        return {key: normal(each) for key, each in value.items()}
    if isinstance(value, list):
        return [normal(each) for each in value]
    if isinstance(value, str) and value.endswith("Z"):
        return value.removesuffix("Z").removesuffix(".000000")
    return value


def test_the_subject_and_its_version_are_those_of_the_order() -> None:
    event = to_event(ORDER.pay(Tender.MANUAL, ORDER.money(ORDER.due), reference="", now=LATER)[1])
    assert (event.type, event.subject, event.version) == ("OrderPaid", f"orders/{ORDER.id}", 2)


@pytest.mark.parametrize("fact", FACTS, ids=lambda fact: type(fact).__name__)
def test_who_hears_of_a_paid_order_hears_its_store_and_categories(fact: Fact) -> None:
    body = json.loads(to_event(fact).payload)
    if "lines" in body:
        assert body.get("store", "") == fact.order.store
        assert [each.get("category", "") for each in body["lines"]] == [each.category for each in fact.order.lines]


def test_a_line_is_told_with_all_that_rules_go_by() -> None:
    order = paid(an_order(an_item(quantity=2, unit_price=1050, category="tea"), store="tea-1"))
    order = replace(order, org="/cn/east")
    once, _, refunded = order.refund(new_id(), Claim.units((1, 1)), reason="", request_id="", now=LATER)
    completed = OrderCompleted(once.complete(LATER)[0])
    for fact in (refunded, completed):
        body = json.loads(to_event(fact).payload)
        assert (body["store"], body["org"]) == ("tea-1", "/cn/east")
        assert body["lines"] == [
            {
                "product": f"products/{order.lines[0].product}",
                "quantity": "2",
                "amount": {"currencyCode": "CNY", "units": "21"},
                "paidAmount": {"currencyCode": "CNY", "units": "21"},
                "netAmount": {"currencyCode": "CNY", "units": "10", "nanos": 500_000_000},
                "category": "tea",
            }
        ]


def test_net_total_leaves_out_what_points_paid() -> None:
    order = an_order(an_item(unit_price=1000, quantity=2), tender=a_tender(points=500, value=500))
    body = json.loads(to_event(order.pay(Tender.MANUAL, order.money(1500), reference="", now=LATER)[1]).payload)
    assert body["netTotal"] == {"currencyCode": "CNY", "units": "15"}


def test_a_refund_says_the_whole_that_is_left_and_the_points_given_back_so_far() -> None:
    order = paid(an_order(an_item(unit_price=1000, quantity=2), tender=a_tender(points=500, value=500)))
    once, _, _ = order.refund(new_id(), Claim.units((1, 1)), reason="", request_id="", now=LATER)
    twice = once.refund(new_id(), Claim.units((1, 1)), reason="", request_id="", now=LATER)[2]
    body = json.loads(to_event(twice).payload)
    assert (body["amount"]["units"], body["points"], body["hold"]) == ("7", "500", order.hold)
    assert body["netTotal"] == {"currencyCode": "CNY"}
