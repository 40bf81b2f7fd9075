"""Whatever a client sends to whatever RPC, the answer is a clear one: never INTERNAL, never UNKNOWN, no driver text."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from importlib import import_module
from typing import Any

import grpc
import pytest
from google.protobuf import json_format, message_factory
from google.protobuf.descriptor import MethodDescriptor
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from kit.rpc import Server
from tests.architecture.test_protos import METHODS, SERVICES
from tests.support.requests import requests
from tests.support.rpc import Keys

REQUESTS_PER_METHOD = 40
_UNCLEAR = {grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN, grpc.StatusCode.UNIMPLEMENTED}
_INSIDE = ("psycopg", "asyncpg", "sqlalchemy", "Traceback", 'relation "', 'constraint "', "line 1:")
# Orders asks the other services, which don't run here.
_MAY_BE_UNAVAILABLE = {"QuoteOrder", "PlaceOrder"}

_NOBODY = "members/018f0000-0000-7000-8000-000000000001"
_ACCOUNT = "accounts/018f0000-0000-7000-8000-000000000001"
_DEAL = "opportunities/018f0000-0000-7000-8000-000000000001"
_ORDER = "orders/018f0000-0000-7000-8000-000000000001"
_TEA = "products/018f0000-0000-7000-8000-000000000001"
_YUAN = {"currencyCode": "RMB", "units": "5"}
_MONTH = {"startTime": "2026-01-01T00:00:00Z", "endTime": "2026-02-01T00:00:00Z"}
_PLATFORM = {"title": "T", "platform": "PLATFORM_WANGDIANTONG", "channel": "tmall", "currencyCode": "RMB"}
NO_CURRENCY: list[tuple[str, dict[str, Any], str]] = [
    ("CreateProduct", {"product": {"sku": "TEA", "title": "Tea", "price": _YUAN}}, "product.price.currency_code"),
    ("CreatePriceList", {"priceList": {"title": "VIP", "currencyCode": "RMB"}}, "price_list.currency_code"),
    ("SearchProducts", {"query": "tea", "currencyCode": "RMB"}, "currency_code"),
    ("SearchOrders", {"currencyCode": "RMB", "minUnits": "5"}, "currency_code"),
    ("CreateShop", {"shopId": "tea", "shop": _PLATFORM}, "shop.currency_code"),
    ("CreateTopUp", {"topUp": {"member": _NOBODY, "amount": _YUAN, "store": "s1"}}, "top_up.amount.currency_code"),
    ("GetStoredValueRules", {"name": "storedValueRules/RMB"}, "name"),
    ("GetSettlementReport", {"currencyCode": "RMB", **_MONTH}, "currency_code"),
    ("GetRfmTable", {"name": "rfmTables/RMB"}, "name"),
    (
        "PriceOrder",
        {"currencyCode": "RMB", "lines": [{"product": "products/tea", "quantity": 1, "unitPrice": _YUAN}]},
        "currency_code",
    ),
    (
        "CreateOpportunity",
        {"opportunity": {"displayName": "Tea", "account": _ACCOUNT, "amount": _YUAN}},
        "opportunity.amount.currency_code",
    ),
    (
        "CreateQuote",
        {
            "quote": {
                "opportunity": _DEAL,
                "lines": [{"product": _TEA, "title": "Tea", "quantity": "1", "unitPrice": _YUAN}],
            }
        },
        "quote.lines[0].unit_price.currency_code",
    ),
    ("PayOrder", {"name": _ORDER, "tender": "TENDER_MANUAL", "amount": _YUAN}, "amount.currency_code"),
]

Invoke = Callable[[MethodDescriptor, bytes], None]


@pytest.fixture(scope="module")
def channels(postgres: Any, keys: Keys) -> Iterator[dict[str, grpc.Channel]]:
    """Every service, on a real database, as an administrator reaches it."""
    with ExitStack() as stack:
        yield {service: stack.enter_context(running(service, postgres, keys)) for service in SERVICES}


@contextmanager
def running(service: str, postgres: Any, keys: Keys) -> Iterator[grpc.Channel]:
    """The service's server in a thread with a loop of its own: hypothesis drives it from outside."""
    url = postgres.migrated(service)
    config = import_module(f"services.{service}.config").Config(
        database_url=url,
        jwks_file=str(keys.jwks_file),
        service_key_file=str(keys.service_key_file),
        page_token_key="a key of the tests",
        keyring_file=str(keys.keyring_file),
        log_level="error",
        reflection=False,
    )
    build: Callable[[Any], Server] = import_module(f"services.{service}.server").build
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def start() -> Server:
        server = build(config)
        await server.start()
        return server

    server = asyncio.run_coroutine_threadsafe(start(), loop).result(30)
    with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        yield channel
    asyncio.run_coroutine_threadsafe(server.stop(grace=0.1), loop).result(30)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
    postgres.drop(url)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_any_request_gets_a_clear_answer(
    method: MethodDescriptor, channels: dict[str, grpc.Channel], keys: Keys
) -> None:
    service = method.containing_service.full_name.split(".")[1]
    bearer = keys.bearer("admin")

    @settings(
        max_examples=REQUESTS_PER_METHOD,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
    )
    @given(requests(method.input_type))
    def answers_clearly(request: Any) -> None:
        path = f"/{method.containing_service.full_name}/{method.name}"
        try:
            answer = first(channels[service], path, request, bearer, stream=method.server_streaming)
            message_factory.GetMessageClass(method.output_type).FromString(answer)
        except grpc.RpcError as error:
            check(error, method)

    answers_clearly()


def first(channel: grpc.Channel, path: str, request: Any, bearer: str, *, stream: bool) -> bytes:
    """The answer, or the first message of a stream."""
    wire, metadata = request.SerializeToString(), [("authorization", bearer)]
    if not stream:
        return bytes(channel.unary_unary(path)(wire, metadata=metadata, timeout=10))
    answers = channel.unary_stream(path)(wire, metadata=metadata, timeout=10)
    try:
        return bytes(next(answers))
    finally:
        answers.cancel()


def check(error: Any, method: MethodDescriptor) -> None:
    """A refusal has a known status, a reason, and nothing of the inside."""
    status = rpc_status.from_call(error)
    said = f"{error.code()} {error.details()}"
    assert error.code() not in _UNCLEAR, said
    if error.code() is grpc.StatusCode.UNAVAILABLE:
        assert method.name in _MAY_BE_UNAVAILABLE, said
    assert status is not None, said
    assert [each for each in status.details if each.Is(error_details_pb2.ErrorInfo.DESCRIPTOR)], said
    assert not [word for word in _INSIDE if word in str(status)], said


@given(st.binary(max_size=200))
@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
def test_bytes_that_are_no_request_are_refused(channels: dict[str, grpc.Channel], keys: Keys, data: bytes) -> None:
    call = channels["members"].unary_unary("/kehu.members.v1.MembersService/GetMember")
    with pytest.raises(grpc.RpcError) as caught:
        call(data, metadata=[("authorization", keys.bearer("admin"))], timeout=10)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT


@pytest.mark.parametrize(("name", "asked", "field"), NO_CURRENCY, ids=[name for name, *_ in NO_CURRENCY])
def test_three_letters_that_are_no_currency_are_refused_in_their_field(
    name: str, asked: dict[str, Any], field: str, channels: dict[str, grpc.Channel], keys: Keys
) -> None:
    method = next(each for each in METHODS if each.name == name)
    service = method.containing_service.full_name.split(".")[1]
    path = f"/{method.containing_service.full_name}/{name}"
    request = json_format.ParseDict(asked, message_factory.GetMessageClass(method.input_type)())
    with pytest.raises(grpc.RpcError) as caught:
        first(channels[service], path, request, keys.bearer("admin"), stream=False)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    status, bad = rpc_status.from_call(caught.value), error_details_pb2.BadRequest()
    assert any(detail.Unpack(bad) for detail in status.details)
    assert [violation.field for violation in bad.field_violations] == [field]
