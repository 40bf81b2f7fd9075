"""The OpenAPI document and the reference pages."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.protobuf import json_format
from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc import error_details_pb2
from google.type.money_pb2 import Money
from kehu.campaigns.v1 import coupon_templates_pb2
from kehu.members.v1 import members_pb2
from kehu.orders.v1 import orders_pb2, products_pb2
from openapi_schema_validator import OAS31Validator
from openapi_spec_validator import validate

from gateway import api
from gateway.refusals import REFUSALS
from gateway.replies import status
from tools.openapi.__main__ import contents
from tools.openapi.model import Model
from tools.openapi.paths import first_sentence
from tools.openapi.reading import read

Json = dict[str, Any]


@pytest.fixture(scope="module")
def files() -> dict[str, str]:
    return contents()


@pytest.fixture(scope="module")
def document(files: dict[str, str]) -> Json:
    found: Json = json.loads(files["openapi.json"])
    return found


@pytest.fixture(scope="module")
def model() -> Model:
    return read()


def operations(document: Json) -> dict[str, Json]:
    return {each["x-grpc"]: each for verbs in document["paths"].values() for each in verbs.values()}


def schema(document: Json, name: str) -> Json:
    found: Json = document["components"]["schemas"][name]
    return found


def complaints(document: Json, name: str, value: object) -> list[str]:
    """What the schema `name` has against a JSON value."""
    validator = OAS31Validator({"$ref": f"#/components/schemas/{name}", "components": document["components"]})
    return [error.message for error in validator.iter_errors(value)]


def test_the_document_is_valid(document: Json) -> None:
    validate(document)


def test_every_rpc_is_an_operation_with_its_scope(document: Json) -> None:
    wanted = {f"{rpc.service}/{rpc.name}": rpc.scope for each in api.services(api.load()) for rpc in each.rpcs}

    assert {name: operation["x-scope"] for name, operation in operations(document).items()} == wanted


def test_every_operation_message_and_field_says_what_it_means(document: Json) -> None:
    fields = {
        f"{name}.{field}": value
        for name, found in document["components"]["schemas"].items()
        for field, value in found.get("properties", {}).items()
    }

    assert [name for name, each in operations(document).items() if not each["summary"]] == []
    assert [name for name, each in fields.items() if not each.get("description")] == []


def test_paths_name_their_variables_after_the_resources(document: Json) -> None:
    assert "post" in document["paths"]["/v1/members/{member}/holds/{hold}:confirm"]
    assert "get" in document["paths"]["/v1/products/{product}/stocks/{location}"]


def test_what_stands_in_the_path_is_not_asked_for_in_the_body(document: Json) -> None:
    assert "name" not in schema(document, "orders.CancelOrderRequest")["properties"]


def test_what_is_not_in_the_body_is_in_the_query(document: Json) -> None:
    update = document["paths"]["/v1/products/{product}"]["patch"]

    assert [each["name"] for each in update["parameters"]] == ["product", "updateMask", "requestId"]


def test_an_update_may_lack_what_a_new_resource_must_have(document: Json) -> None:
    assert "sku" in schema(document, "orders.Product")["required"]
    assert "required" not in schema(document, "orders.ProductUpdate")


def test_limits_of_numbers_texts_and_lists_are_told(document: Json) -> None:
    line = schema(document, "orders.RequestedLine")["properties"]
    place = schema(document, "orders.PlaceOrderRequest")["properties"]

    assert (line["product"]["minLength"], line["product"]["maxLength"]) == (1, 100)
    assert line["quantity"]["description"].endswith("At least 1, at most 1,000,000.")
    assert (place["lines"]["minItems"], place["lines"]["maxItems"]) == (1, 100)
    assert place["requestId"]["format"] == "uuid"


def test_a_method_that_changes_something_says_that_it_can_be_repeated(document: Json) -> None:
    found = operations(document)

    assert "Safe to repeat" in found["kehu.orders.v1.OrdersService/PlaceOrder"]["description"]
    assert "Safe to repeat" not in found["kehu.orders.v1.OrdersService/GetOrder"]["description"]


MONEY = Money(currency_code="CNY", units=-5, nanos=-10_000_000)
ANSWERS: list[tuple[str, Message]] = [
    ("members.Member", members_pb2.Member(name="members/1", display_name="张三", enroll_time=Timestamp(seconds=1))),
    ("members.Balance", members_pb2.Balance(available=2**62)),
    ("orders.Product", products_pb2.Product(sku="a", title="茶", price=Money(currency_code="CNY", units=5))),
    ("orders.Order", orders_pb2.Order(state=orders_pb2.Order.STATE_PAID, total=MONEY, lines=[orders_pb2.OrderLine()])),
    ("campaigns.CouponTemplate", coupon_templates_pb2.CouponTemplate(display_name="x", amount_off=MONEY)),
]


@pytest.mark.parametrize(("name", "answer"), ANSWERS)
def test_an_answer_as_the_gateway_writes_it_fits_its_schema(document: Json, name: str, answer: Message) -> None:
    written = json_format.MessageToDict(answer, always_print_fields_with_no_presence=True)

    assert complaints(document, name, written) == []


def test_two_fields_of_a_oneof_do_not_fit(document: Json) -> None:
    both = {"displayName": "x", "amountOff": {}, "percentOff": {"basisPoints": 1}}

    assert complaints(document, "campaigns.CouponTemplate", both) != []


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_refusal_fits_the_schema_of_errors(document: Json, refusal: Any) -> None:
    assert complaints(document, "google.rpc.Status", json_format.MessageToDict(status(refusal))) == []


def test_the_details_of_an_error_are_of_known_types(document: Json) -> None:
    wrong = {"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": 7}
    named = {error_details_pb2.ErrorInfo.DESCRIPTOR.full_name, error_details_pb2.BadRequest.DESCRIPTOR.full_name}

    assert named <= set(document["components"]["schemas"])
    assert complaints(document, "google.rpc.ErrorInfo", wrong) != []


def test_every_page_has_its_methods_messages_and_links(files: dict[str, str], model: Model) -> None:
    for service in model.services:
        page = files[f"{service.room}.md"]
        headings = {line.lstrip("# ").lower().replace(".", "") for line in page.splitlines() if line.startswith("#")}
        targets = {part.split(")")[0] for part in page.split("](#")[1:]}
        assert targets <= headings
        for method in service.methods:
            assert f"[{method.rpc.name}]({service.room}.md#{method.rpc.name.lower()})" in files["README.md"]
            assert method.rpc.name.lower() in headings


@pytest.mark.parametrize(
    ("comment", "first"),
    [
        ("Reads one member.", "Reads one member"),
        ("Prices an order: all of it. Keeps nothing.", "Prices an order"),
        ("Sends 1.5 of it. Then rests.", "Sends 1.5 of it"),
    ],
)
def test_a_summary_is_the_first_sentence(comment: str, first: str) -> None:
    assert first_sentence(comment) == first


def test_a_page_has_the_methods_of_all_grpc_services_of_its_service(files: dict[str, str], model: Model) -> None:
    missing = [
        method.rpc.path
        for service in model.services
        for method in service.methods
        if f"### {method.rpc.name}\n" not in files[f"{service.room}.md"]
    ]
    assert missing == []
