"""The real services through the real gateway: one API in three dialects."""

from __future__ import annotations

import uuid
from collections.abc import Callable

import grpc
import pytest
from google.protobuf import json_format
from google.rpc import code_pb2, error_details_pb2
from grpc_status import rpc_status
from kehu.members.v1 import members_pb2 as members
from kehu.orders.v1 import products_pb2 as products

from tests.e2e.callers import Caller

GET = "kehu.members.v1.MembersService/GetMember"
ENROLL = "kehu.members.v1.MembersService/EnrollMember"


def test_a_member_reads_the_same_in_all_three_dialects(admin: Caller, unique: str) -> None:
    enrolled = admin.rest("POST", "/v1/members", {"displayName": "欧阳娜娜", "cardNumber": unique}).json

    request = members.GetMemberRequest(name=enrolled["name"])
    by_rest = json_format.ParseDict(admin.rest("GET", f"/v1/{enrolled['name']}").json, members.Member())
    by_grpc = admin.grpc(GET, request, members.Member)
    status, by_web = admin.web(GET, request, members.Member)

    assert by_grpc.display_name == "欧阳娜娜"
    assert status == 0
    assert by_rest == by_grpc == by_web


def test_a_role_without_the_scope_is_refused_in_all_three_dialects(caller: Callable[..., Caller]) -> None:
    viewer = caller("viewer")
    request = members.EnrollMemberRequest(member=members.Member(display_name="x"))

    by_rest = viewer.rest("POST", "/v1/members", {"displayName": "x"})
    with pytest.raises(grpc.RpcError) as by_grpc:
        viewer.grpc(ENROLL, request, members.Member)
    by_web, _ = viewer.web(ENROLL, request, members.Member)

    assert (by_rest.status, by_rest.json["code"], by_rest.reason) == (403, code_pb2.PERMISSION_DENIED, "SCOPE_MISSING")
    assert by_grpc.value.code() is grpc.StatusCode.PERMISSION_DENIED
    assert by_web == code_pb2.PERMISSION_DENIED


def test_a_refusal_says_the_same_by_rest_and_by_grpc(admin: Caller) -> None:
    name = f"members/{uuid.uuid4()}"

    by_rest = admin.rest("GET", f"/v1/{name}")
    with pytest.raises(grpc.RpcError) as caught:
        admin.grpc(GET, members.GetMemberRequest(name=name), members.Member)

    by_grpc = rpc_status.from_call(caught.value)
    info = error_details_pb2.ErrorInfo()
    assert by_grpc is not None
    by_grpc.details[0].Unpack(info)
    assert (by_rest.status, by_rest.json["message"]) == (404, by_grpc.message)
    assert by_rest.reason == info.reason == "MEMBER_NOT_FOUND"


def test_a_repeated_request_is_done_once_and_another_request_with_its_id_is_refused(admin: Caller, unique: str) -> None:
    path = f"/v1/products?requestId={uuid.uuid4()}"
    product = {"sku": unique, "title": "龙井茶", "price": {"currencyCode": "CNY", "units": "68"}}

    answers = [admin.rest("POST", path, product) for _ in range(3)]
    other = admin.rest("POST", path, {**product, "title": "碧螺春"})

    assert [answer.status for answer in answers] == [200] * 3
    assert len({answer.json["name"] for answer in answers}) == 1
    assert (other.status, other.reason) == (400, "REQUEST_ID_REUSED")


def test_a_change_of_what_somebody_else_changed_is_a_conflict(admin: Caller, unique: str) -> None:
    product = admin.rest(
        "POST", "/v1/products", {"sku": unique, "title": "茶", "price": {"currencyCode": "CNY", "units": "1"}}
    ).json

    path = f"/v1/{product['name']}?updateMask=title"
    first = admin.rest("PATCH", path, {"title": "绿茶", "etag": product["etag"]})
    second = admin.rest("PATCH", path, {"title": "红茶", "etag": product["etag"]})

    assert (first.status, first.json["title"]) == (200, "绿茶")
    assert (second.status, second.json["code"], second.reason) == (409, code_pb2.ABORTED, "ETAG_MISMATCH")


def test_a_field_that_breaks_a_rule_is_named(admin: Caller) -> None:
    reply = admin.rest("POST", "/v1/orders:quote", {"channel": "web", "lines": [{"product": "products/1"}]})

    (fields,) = [each["fieldViolations"] for each in reply.json["details"] if each["@type"].endswith("BadRequest")]
    assert (reply.status, reply.reason) == (400, "REQUEST_INVALID")
    assert [each["field"] for each in fields] == ["lines[0].quantity"]


def test_pages_follow_each_other_and_a_token_fits_only_its_query(admin: Caller, unique: str) -> None:
    for number in range(3):
        admin.rest("POST", "/v1/members", {"displayName": unique, "cardNumber": f"{unique}-{number}"})

    first = admin.rest("GET", "/v1/members?pageSize=2").json
    second = admin.rest("GET", f"/v1/members?pageSize=2&pageToken={first['nextPageToken']}").json
    elsewhere = admin.rest("GET", f"/v1/products?pageSize=2&pageToken={first['nextPageToken']}")

    names = [member["name"] for page in (first, second) for member in page["members"]]
    assert len(first["members"]) == 2
    assert len(set(names)) == len(names) > 2
    assert (elsewhere.status, elsewhere.reason) == (400, "PAGE_TOKEN_INVALID")


def test_a_batch_of_a_thousand_rows_goes_through_with_one_bad_row_refused(admin: Caller, unique: str) -> None:
    rows = [{"channel": unique, "externalId": str(number), "displayName": "张三"} for number in range(1000)]
    rows[500]["externalId"] = ""

    first = admin.rest("POST", "/v1/members:batchEnroll", {"rows": rows})
    again = admin.rest("POST", "/v1/members:batchEnroll", {"rows": rows})

    assert first.status == 200, first.body
    states = [result["state"] for result in first.json["results"]]
    assert (states.count("STATE_CREATED"), states[500]) == (999, "STATE_REJECTED")
    assert [result["state"] for result in again.json["results"]].count("STATE_UNCHANGED") == 999


def test_a_deadline_that_has_passed_is_told_by_rest_and_by_grpc(admin: Caller) -> None:
    late = admin.rest("GET", "/v1/members", headers={"grpc-timeout": "1u"})

    assert (late.status, late.json["code"]) == (504, code_pb2.DEADLINE_EXCEEDED)


def test_what_the_services_answer_fits_the_openapi_document(
    admin: Caller, unique: str, fits: Callable[[str, object], list[str]]
) -> None:
    price = {"currencyCode": "CNY", "units": "68"}
    member = admin.rest("POST", "/v1/members", {"displayName": "张三", "cardNumber": unique}).json
    product = admin.rest("POST", "/v1/products", {"sku": unique, "title": "茶", "price": price}).json
    stock = admin.rest("POST", f"/v1/{product['name']}/stocks/main:receive", {"quantity": "5"}).json
    lines = [{"product": product["name"], "quantity": "2"}]
    quote = admin.rest("POST", "/v1/orders:quote", {"channel": "web", "member": member["name"], "lines": lines}).json
    order = admin.rest("POST", "/v1/orders", {"channel": "web", "member": member["name"], "lines": lines}).json
    paid = admin.rest(
        "POST", f"/v1/{order['name']}:pay", {"tender": "TENDER_MANUAL", "amount": order["amountDue"]}
    ).json
    lead = admin.rest("POST", "/v1/leads:capture", {"lead": {"source": "webform", "companyName": unique}}).json
    template = admin.rest(
        "POST", "/v1/couponTemplates", {"displayName": "x", "amountOff": price, "daysAfterIssue": 30}
    ).json
    answers = {
        "members.Member": member,
        "members.Balance": admin.rest("GET", f"/v1/{member['name']}/balance").json,
        "members.Programme": admin.rest("GET", "/v1/programmes/default").json,
        "orders.Product": product,
        "orders.Stock": stock,
        "orders.QuoteOrderResponse": quote,
        "orders.Order": paid,
        "orders.ListOrdersResponse": admin.rest("GET", f"/v1/orders?member={member['name']}").json,
        "pipeline.CaptureLeadResponse": lead,
        "pipeline.QueryFunnelResponse": admin.rest("GET", "/v1/opportunities:queryFunnel").json,
        "campaigns.CouponTemplate": template,
        "google.rpc.Status": admin.rest("GET", f"/v1/orders/{uuid.uuid4()}").json,
    }

    assert {name: found for name, answer in answers.items() if (found := fits(name, answer))} == {}


def test_the_products_that_grpc_and_rest_list_are_the_same(admin: Caller, unique: str) -> None:
    admin.rest("POST", "/v1/products", {"sku": unique, "title": "茶", "price": {"currencyCode": "CNY", "units": "1"}})

    by_rest = admin.rest("GET", f"/v1/products?sku={unique}").json
    by_grpc = admin.grpc(
        "kehu.orders.v1.OrdersService/ListProducts",
        products.ListProductsRequest(sku=unique),
        products.ListProductsResponse,
    )

    assert json_format.ParseDict(by_rest, products.ListProductsResponse()) == by_grpc
    assert len(by_grpc.products) == 1
