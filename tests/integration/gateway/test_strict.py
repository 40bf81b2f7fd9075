"""JSON bodies: what the method doesn't know is refused, what it knows is never refused for its form."""

from __future__ import annotations

import json
from typing import Any

import grpc
import pytest
from google.protobuf import json_format
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kehu.orders.v1 import orders_pb2

from tests.integration.gateway.backend import Backend
from tests.integration.gateway.running import Gateway

LINE = {"product": "products/1", "quantity": "2"}


def place(gateway: Gateway, body: object) -> Any:
    return gateway.call("POST", "/v1/orders:quote", body)


@pytest.fixture(autouse=True)
def _answers(backend: Backend) -> None:
    backend.answers["QuoteOrder"] = lambda *_: orders_pb2.QuoteOrderResponse()
    backend.answers["UpdateProduct"] = lambda request, _: request.product


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"chanel": "web"}, "chanel"),
        ({"lines": [LINE, {**LINE, "quantitty": 1}]}, "lines[1].quantitty"),
        ({"lines": [[], {"a": {"quantity": 1}}]}, "lines[1].a"),
        ({"member": '\\"', "x": 1}, "x"),
        ({"": 1}, ""),
        ({"channel": "{", "商品": 1}, "商品"),
    ],
)
def test_a_member_that_the_method_does_not_know_is_refused_by_its_path(
    gateway: Gateway, backend: Backend, body: object, field: str
) -> None:
    reply = place(gateway, body)

    assert (reply.status, reply.reason) == (400, "REQUEST_INVALID")
    assert reply.json["message"] == f"unknown field: {field}"
    assert backend.calls == []


def test_a_body_that_is_one_field_of_the_request_is_looked_into(gateway: Gateway) -> None:
    known = {"title": "x", "price": {"currencyCode": "CNY", "units": "1", "nanos": 0}}

    good = gateway.call("PATCH", "/v1/products/1?updateMask=title,price", known)
    bad = gateway.call("PATCH", "/v1/products/1", {"price": {"currency": "CNY"}})

    assert (good.status, bad.status) == (200, 400)
    assert bad.json["message"] == "unknown field: price.currency"


def test_both_spellings_of_a_field_are_known(gateway: Gateway) -> None:
    assert gateway.call("PATCH", "/v1/products/1", {"price": {"currency_code": "CNY"}}).status == 200


def test_a_long_unknown_name_is_cut(gateway: Gateway) -> None:
    assert len(place(gateway, {"x" * 5000: 1}).json["message"]) < 300


def test_no_body_at_all_is_left_to_the_service(gateway: Gateway) -> None:
    assert gateway.call("POST", "/v1/orders:quote").status == 200


text = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
lines = st.lists(st.builds(orders_pb2.RequestedLine, product=text, quantity=st.integers(0, 2**62)), max_size=4)
requests = st.builds(
    orders_pb2.QuoteOrderRequest, member=text, channel=text, lines=lines, coupons=st.lists(text, max_size=4)
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(request=requests, indent=st.sampled_from([None, 2]), names=st.booleans())
def test_whatever_protobuf_writes_as_json_comes_through_unchanged(
    gateway: Gateway, backend: Backend, request: orders_pb2.QuoteOrderRequest, indent: int | None, names: bool
) -> None:
    seen: list[orders_pb2.QuoteOrderRequest] = []

    def see(came: orders_pb2.QuoteOrderRequest, _: grpc.ServicerContext) -> orders_pb2.QuoteOrderResponse:
        seen.append(came)
        return orders_pb2.QuoteOrderResponse()

    backend.answers["QuoteOrder"] = see
    body = json_format.MessageToJson(request, indent=indent, preserving_proto_field_name=names, ensure_ascii=False)

    assert place(gateway, body.encode()).status == 200
    assert seen == [request]


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(request=requests, name=text.filter(lambda name: name not in {"member", "channel", "lines", "coupons"}))
def test_one_unknown_member_anywhere_at_the_top_is_found(
    gateway: Gateway, request: orders_pb2.QuoteOrderRequest, name: str
) -> None:
    body = {**json_format.MessageToDict(request), name: {"lines": [1, "}"]}}

    escaped = "\\" in json.dumps(name, ensure_ascii=False)
    assert place(gateway, body).status == (200 if escaped else 400)
