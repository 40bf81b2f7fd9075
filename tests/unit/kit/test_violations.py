"""A refused request says what would be right, in words that callers of both worlds know."""

from __future__ import annotations

from typing import Any

import protovalidate
import pytest
from google.protobuf.message import Message
from kehu.members.v1 import members_pb2
from kehu.orders.v1 import orders_pb2, payments_pb2

from kit.rpc import violations

ORDER = "orders/0199f0aa-0000-7000-8000-000000000000"


def intent(**fields: Any) -> payments_pb2.CreatePaymentIntentRequest:
    wanted = payments_pb2.PaymentIntent(scene=payments_pb2.PAYMENT_SCENE_NATIVE, **fields)
    return payments_pb2.CreatePaymentIntentRequest(parent=ORDER, payment_intent=wanted)


def told(request: Message) -> dict[str, str]:
    with pytest.raises(protovalidate.ValidationError) as refused:
        protovalidate.validate(request)
    return {each.field: each.description for each in violations.told(request, refused.value.violations)}


def test_an_enum_says_the_names_that_are_allowed() -> None:
    request = orders_pb2.CancelOrderRequest(name=ORDER)
    assert told(request)["reason"] == "must be one of CANCEL_REASON_CUSTOMER, CANCEL_REASON_MERCHANT"


def test_an_enum_that_must_be_told_does_not_offer_its_unspecified_value() -> None:
    expected = "must be one of PAYMENT_PROVIDER_WECHAT_PAY, PAYMENT_PROVIDER_ALIPAY"
    assert told(intent())["payment_intent.provider"] == expected


def test_an_enum_with_an_undefined_number_says_all_that_are_defined() -> None:
    assert "PAYMENT_PROVIDER_ALIPAY" in told(intent(provider=99))["payment_intent.provider"]


def test_forbidden_characters_are_said_in_words() -> None:
    request = members_pb2.EnrollMemberRequest(member=members_pb2.Member(display_name="a\x00b"))
    assert told(request) == {"member.display_name": "must not contain control characters"}


def test_the_path_leads_to_the_line_that_is_wrong() -> None:
    lines = [orders_pb2.RequestedLine(product="products/x", quantity=quantity) for quantity in (1, -1)]
    request = orders_pb2.PlaceOrderRequest(channel="web", lines=lines)
    assert "lines[1].quantity" in told(request)


def test_whatever_has_no_better_words_keeps_those_of_its_rule() -> None:
    assert told(orders_pb2.PlaceOrderRequest(channel="web"))["lines"] == "must contain at least 1 item(s)"
