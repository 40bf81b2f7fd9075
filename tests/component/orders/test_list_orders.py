"""ListOrders."""

from __future__ import annotations

import uuid
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from kehu.orders.v1 import orders_pb2 as pb
from kehu.orders.v1.orders_pb2_grpc import OrdersServiceStub

from tests.component.orders.conftest import Shop, placing
from tests.support.rpc import refused

MEMBER, OTHER = f"members/{uuid.uuid4()}", f"members/{uuid.uuid4()}"
ACCOUNT = f"accounts/{uuid.uuid4()}"


@pytest.fixture
async def placed(orders: OrdersServiceStub, shop: Shop) -> list[pb.Order]:
    """Six orders of several kinds, in the order of their placing."""
    product = await shop.product()
    kinds: list[dict[str, Any]] = [
        {"member": MEMBER},
        {"member": OTHER},
        {"member": MEMBER, "channel": "pos"},
        {"account": ACCOUNT},
        {},
        {"member": MEMBER},
    ]
    made = [await orders.PlaceOrder(placing((product, 1), **kind)) for kind in kinds]
    made[0] = await shop.pay(made[0])
    return made


async def listed(orders: OrdersServiceStub, *, page_size: int = 2, **filters: Any) -> list[pb.Order]:
    found: list[pb.Order] = []
    request = pb.ListOrdersRequest(page_size=page_size, **filters)
    while True:
        page = await orders.ListOrders(request)
        assert len(page.orders) <= page_size
        found += page.orders
        request.page_token = page.next_page_token
        if not page.next_page_token:
            return found


async def test_all_orders_are_listed_the_latest_first(orders: OrdersServiceStub, placed: list[pb.Order]) -> None:
    assert await listed(orders) == placed[::-1]
    assert await listed(orders, page_size=1000) == placed[::-1]


@pytest.mark.parametrize(
    ("filters", "positions"),
    [
        ({"member": MEMBER}, [5, 2, 0]),
        ({"member": MEMBER, "channel": "web"}, [5, 0]),
        ({"member": MEMBER, "state": pb.Order.STATE_PAID}, [0]),
        ({"account": ACCOUNT}, [3]),
        ({"channel": "pos"}, [2]),
        ({"state": pb.Order.STATE_PENDING_PAYMENT}, [5, 4, 3, 2, 1]),
        ({"state": pb.Order.STATE_REFUNDED}, []),
        ({"member": f"members/{uuid.uuid4()}"}, []),
    ],
)
async def test_filters_are_joined_by_and(
    orders: OrdersServiceStub, placed: list[pb.Order], filters: dict[str, Any], positions: list[int]
) -> None:
    assert await listed(orders, **filters) == [placed[position] for position in positions]


async def test_a_range_of_time_is_half_open(orders: OrdersServiceStub, placed: list[pb.Order]) -> None:
    start, end = placed[1].place_time, placed[4].place_time
    assert await listed(orders, start_time=start, end_time=end) == [placed[3], placed[2], placed[1]]
    assert await listed(orders, start_time=Timestamp(seconds=2**33)) == []


async def test_a_page_belongs_to_its_query(orders: OrdersServiceStub, placed: list[pb.Order]) -> None:
    token = (await orders.ListOrders(pb.ListOrdersRequest(page_size=1))).next_page_token
    for request in (
        pb.ListOrdersRequest(page_token=token, channel="web"),
        pb.ListOrdersRequest(page_token=token[:-4]),
    ):
        refusal = await refused(orders.ListOrders(request))
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.INVALID_ARGUMENT, "PAGE_TOKEN_INVALID")
