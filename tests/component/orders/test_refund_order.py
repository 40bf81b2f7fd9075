"""RefundOrder, ListRefunds, what people decide about refunds, and payment in parts."""

from __future__ import annotations

import asyncio
import uuid
from typing import Any

import grpc
import pytest
from google.type.money_pb2 import Money as WireMoney
from kehu.orders.v1 import orders_pb2 as pb
from kehu.orders.v1 import refunds_pb2
from kehu.orders.v1.orders_pb2_grpc import OrdersServiceStub
from kehu.orders.v1.refunds_pb2_grpc import RefundsServiceStub
from sqlalchemy import text

from kit.db import Database
from kit.rpc import Server
from kit.rpc.convert import money
from services.orders.config import Config
from services.orders.server import build
from services.orders.storage.unit import OrdersUnit
from services.orders.usecases.erasure import forget_members
from tests.component.orders.conftest import Shop, placing
from tests.component.orders.peers import Campaigns, Members
from tests.component.orders.test_pay_and_cancel import events
from tests.support.rpc import Keys, refused, serving

MEMBER = f"members/{uuid.uuid4()}"


def refunding(order: str, *units: tuple[int, int], **fields: Any) -> refunds_pb2.RefundOrderRequest:
    lines = [refunds_pb2.RefundLine(position=position, quantity=quantity) for position, quantity in units]
    return refunds_pb2.RefundOrderRequest(name=order, lines=lines, **fields)


@pytest.fixture
async def bought(orders: OrdersServiceStub, shop: Shop, campaigns: Campaigns, members: Members) -> pb.Order:
    """Three of one and one of another, paid with a coupon, points and money."""
    members.available[MEMBER] = 1000
    coupon = campaigns.coupon(MEMBER, 100)
    lines = ((await shop.product(price=999), 3), (await shop.product(price=1), 1))
    return await shop.pay(await orders.PlaceOrder(placing(*lines, member=MEMBER, coupons=[coupon], points=1000)))


async def get(orders: OrdersServiceStub, name: str) -> pb.Order:
    found: pb.Order = await orders.GetOrder(pb.GetOrderRequest(name=name))
    return found


async def test_one_unit_is_refunded_in_each_tender(
    orders: OrdersServiceStub, bought: pb.Order, database: Database[OrdersUnit]
) -> None:
    refund = await orders.RefundOrder(refunding(bought.name, (1, 1), reason="broken"))
    assert refund.name.startswith(f"{bought.name}/refunds/")
    assert (refund.reason, refund.lines[0].position, refund.lines[0].quantity) == ("broken", 1, 1)
    both = money(refund.amount).minor + money(refund.points_value).minor
    assert both == money(refund.lines[0].amount).minor
    order = await get(orders, bought.name)
    assert (order.state, order.lines[0].refunded_quantity) == (pb.Order.STATE_PARTIALLY_REFUNDED, 1)
    assert (order.refunded_amount, order.refunded_points) == (refund.amount, refund.points)
    (event,) = events(database, "OrderRefunded")
    assert (event["refund"], event["hold"], event["points"]) == (refund.name, bought.hold, str(refund.points))


async def test_what_never_left_is_for_sale_again_where_that_is_asked_for(orders: OrdersServiceStub, shop: Shop) -> None:
    product = await shop.product(stock=5)
    order = await shop.pay(await orders.PlaceOrder(placing((product, 3))))
    assert not (await orders.RefundOrder(refunding(order.name, (1, 1)))).restock_unshipped
    assert await shop.stock(product) == (2, 0)
    assert (await orders.RefundOrder(refunding(order.name, (1, 2), restock_unshipped=True))).restock_unshipped
    assert await shop.stock(product) == (4, 0)
    back = refunding(order.name, (1, 1), restock_unshipped=True, kind=refunds_pb2.Refund.KIND_RETURN)
    assert list((await refused(orders.RefundOrder(back))).fields) == ["restock_unshipped"]


async def test_unit_by_unit_everything_comes_back(orders: OrdersServiceStub, bought: pb.Order) -> None:
    refunds = [await orders.RefundOrder(refunding(bought.name, units)) for units in ((1, 1), (2, 1), (1, 1), (1, 1))]
    assert sum(money(refund.amount).minor for refund in refunds) == money(bought.amount_due).minor
    assert sum(refund.points for refund in refunds) == 1000
    order = await get(orders, bought.name)
    assert (order.state, order.refunded_amount) == (pb.Order.STATE_REFUNDED, bought.amount_due)
    refusal = await refused(orders.RefundOrder(refunding(bought.name, (1, 1))))
    assert refusal.reason == "ORDER_STATE_INVALID"


async def test_a_repeated_request_is_one_refund(orders: OrdersServiceStub, bought: pb.Order) -> None:
    request = refunding(bought.name, (1, 1), request_id=str(uuid.uuid4()))
    answers = await asyncio.gather(*(orders.RefundOrder(request) for _ in range(5)))
    assert all(answer == answers[0] for answer in answers)
    assert (await get(orders, bought.name)).lines[0].refunded_quantity == 1


async def test_a_repeat_is_recognised_even_when_its_answer_is_forgotten(
    orders: OrdersServiceStub, bought: pb.Order, database: Database[OrdersUnit]
) -> None:
    from sqlalchemy import text

    request = refunding(bought.name, (1, 1), request_id=str(uuid.uuid4()))
    first = await orders.RefundOrder(request)
    database.write(lambda unit: unit.connection.execute(text("delete from idempotency")))
    assert await orders.RefundOrder(request) == first
    database.write(lambda unit: unit.connection.execute(text("delete from idempotency")))
    request.lines[0].quantity = 2
    assert (await refused(orders.RefundOrder(request))).reason == "REQUEST_ID_REUSED"


async def test_two_refunds_at_once_never_give_back_a_unit_twice(orders: OrdersServiceStub, bought: pb.Order) -> None:
    answers = await asyncio.gather(
        *(orders.RefundOrder(refunding(bought.name, (1, 2))) for _ in range(4)), return_exceptions=True
    )
    assert len([answer for answer in answers if isinstance(answer, refunds_pb2.Refund)]) == 1
    assert (await get(orders, bought.name)).lines[0].refunded_quantity == 2


async def test_more_than_was_bought_is_refused(orders: OrdersServiceStub, bought: pb.Order) -> None:
    for units, reason in (((1, 4), "REFUND_EXCEEDS_LINE"), ((3, 1), "LINE_NOT_FOUND")):
        refusal = await refused(orders.RefundOrder(refunding(bought.name, units)))
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.FAILED_PRECONDITION, reason)
    twice = await refused(orders.RefundOrder(refunding(bought.name, (1, 1), (1, 1))))
    assert (twice.code, twice.fields) == (grpc.StatusCode.INVALID_ARGUMENT, ["lines[1].position"])
    stale = await refused(orders.RefundOrder(refunding(bought.name, (1, 1), etag='"1"')))
    assert stale.reason == "ETAG_MISMATCH"


async def test_an_unpaid_or_unknown_order_is_not_refunded(orders: OrdersServiceStub, shop: Shop) -> None:
    order = await orders.PlaceOrder(placing((await shop.product(), 1)))
    assert (await refused(orders.RefundOrder(refunding(order.name, (1, 1))))).reason == "ORDER_STATE_INVALID"
    unknown = refunding(f"orders/{uuid.uuid4()}", (1, 1))
    assert (await refused(orders.RefundOrder(unknown))).code is grpc.StatusCode.NOT_FOUND


async def test_refunds_are_listed_the_latest_first(orders: OrdersServiceStub, bought: pb.Order) -> None:
    made = [await orders.RefundOrder(refunding(bought.name, (1, 1))) for _ in range(3)]
    listed, token = [], ""
    while True:
        page = await orders.ListRefunds(
            refunds_pb2.ListRefundsRequest(parent=bought.name, page_size=2, page_token=token)
        )
        listed += page.refunds
        token = page.next_page_token
        if not token:
            break
    assert listed == made[::-1]
    unknown = refunds_pb2.ListRefundsRequest(parent=f"orders/{uuid.uuid4()}")
    assert (await refused(orders.ListRefunds(unknown))).code is grpc.StatusCode.NOT_FOUND


def yuan(units: int) -> WireMoney:
    return WireMoney(currency_code="CNY", units=units)


@pytest.fixture
def refunds(channel: grpc.aio.Channel) -> RefundsServiceStub:
    """What people decide about refunds."""
    return RefundsServiceStub(channel)


async def test_an_amount_is_refunded_in_the_tenders_of_its_line(
    orders: OrdersServiceStub, refunds: RefundsServiceStub, bought: pb.Order
) -> None:
    line = refunds_pb2.RefundLine(position=1, amount=yuan(10))
    preview = await refunds.PreviewRefund(refunds_pb2.PreviewRefundRequest(name=bought.name, lines=[line]))
    refund = await orders.RefundOrder(refunds_pb2.RefundOrderRequest(name=bought.name, lines=[line]))
    assert (refund.amount, refund.points_value, refund.points) == (preview.amount, preview.points_value, preview.points)
    assert money(refund.amount).minor + money(refund.points_value).minor == 1000
    assert [(each.position, each.amount) for each in refund.payments] == [(2, refund.amount)]
    assert await refunds.GetRefund(refunds_pb2.GetRefundRequest(name=refund.name)) == refund
    order = await get(orders, bought.name)
    assert order.lines[0].refunded_amount == yuan(10)
    rest = await orders.RefundOrder(refunds_pb2.RefundOrderRequest(name=bought.name))
    assert money(rest.amount).minor + money(refund.amount).minor == money(bought.amount_due).minor
    assert (await get(orders, bought.name)).state == pb.Order.STATE_REFUNDED


@pytest.mark.parametrize(
    ("fields", "where"),
    [
        ({"lines": [refunds_pb2.RefundLine(position=1)]}, "lines[0]"),
        ({"lines": [refunds_pb2.RefundLine(position=1, amount=yuan(0))]}, "lines[0].amount"),
        ({"freight": yuan(-1)}, "freight"),
        ({"freight": WireMoney(currency_code="USD", units=1)}, "currency_code"),
        ({"kind": refunds_pb2.Refund.KIND_CANCELLATION}, "kind"),
        ({"kind": refunds_pb2.Refund.KIND_RETURN, "replacement": f"orders/{uuid.uuid4()}"}, ""),
    ],
)
async def test_a_claim_that_makes_no_sense_is_refused(
    orders: OrdersServiceStub, bought: pb.Order, fields: dict[str, Any], where: str
) -> None:
    refusal = await refused(orders.RefundOrder(refunds_pb2.RefundOrderRequest(name=bought.name, **fields)))
    if where:
        assert (refusal.code, refusal.fields) == (grpc.StatusCode.INVALID_ARGUMENT, [where])
    else:
        assert refusal.code is grpc.StatusCode.NOT_FOUND


async def test_more_than_is_left_of_an_amount_is_refused(orders: OrdersServiceStub, bought: pb.Order) -> None:
    line = refunds_pb2.RefundLine(position=2, amount=yuan(1))
    refusal = await refused(orders.RefundOrder(refunds_pb2.RefundOrderRequest(name=bought.name, lines=[line])))
    assert refusal.reason == "REFUND_EXCEEDS_AMOUNT"


async def test_returned_goods_are_for_sale_again(
    orders: OrdersServiceStub, refunds: RefundsServiceStub, shop: Shop, bought: pb.Order
) -> None:
    product = bought.lines[0].product
    before = await shop.stock(product)
    asked = await orders.RefundOrder(refunding(bought.name, (1, 2), kind=refunds_pb2.Refund.KIND_RETURN))
    assert (asked.state, len(asked.payments)) == (refunds_pb2.Refund.STATE_AWAITING_GOODS, 0)
    listed = await orders.ListRefunds(
        refunds_pb2.ListRefundsRequest(parent="orders/-", state=refunds_pb2.Refund.STATE_AWAITING_GOODS)
    )
    assert list(listed.refunds) == [asked]
    request = refunds_pb2.ReceiveReturnRequest(name=asked.name, note="one broken", etag=asked.etag)
    request.damaged.add(position=1, quantity=1)
    received = await refunds.ReceiveReturn(request)
    assert (received.state, received.note) == (refunds_pb2.Refund.STATE_SUCCEEDED, "one broken")
    assert await shop.stock(product) == (before[0] + 1, 0)
    assert (await refused(refunds.ReceiveReturn(request))).reason == "ETAG_MISMATCH"
    request.etag = ""
    assert (await refused(refunds.ReceiveReturn(request))).reason == "REFUND_STATE_INVALID"


async def test_a_refund_above_the_limit_is_approved_by_somebody_else(
    server: Server, url: str, peers: str, settings: Any, keys: Keys, orders: OrdersServiceStub, bought: pb.Order
) -> None:
    config = settings(Config, database_url=url, peers_campaigns=peers, peers_members=peers, refund_limits={"CNY": 500})
    async with serving(build(config), keys.bearer("admin")) as strict:
        asked = await OrdersServiceStub(strict).RefundOrder(refunding(bought.name, (1, 1)))
        preview = refunds_pb2.PreviewRefundRequest(name=bought.name)
        assert (await RefundsServiceStub(strict).PreviewRefund(preview)).state == refunds_pb2.Refund.STATE_REQUESTED
        assert (asked.state, asked.requester) == (refunds_pb2.Refund.STATE_REQUESTED, "tester")
        approval = refunds_pb2.ApproveRefundRequest(name=asked.name, note="fine")
        assert (await refused(RefundsServiceStub(strict).ApproveRefund(approval))).reason == "REFUND_OWN"
        rejection = refunds_pb2.RejectRefundRequest(name=asked.name, note="no")
        rejected = await RefundsServiceStub(strict).RejectRefund(rejection)
        assert (rejected.state, rejected.approver) == (refunds_pb2.Refund.STATE_REJECTED, "tester")
    assert (await get(orders, bought.name)).refunded_amount == yuan(0)


async def test_a_refund_that_is_not_there_is_not_found(refunds: RefundsServiceStub, bought: pb.Order) -> None:
    name = f"{bought.name}/refunds/{uuid.uuid4()}"
    for call in (
        refunds.GetRefund(refunds_pb2.GetRefundRequest(name=name)),
        refunds.ApproveRefund(refunds_pb2.ApproveRefundRequest(name=name)),
        refunds.SettleRefund(refunds_pb2.SettleRefundRequest(name=name, position=1)),
    ):
        refusal = await refused(call)
        assert (refusal.code, refusal.reason) == (grpc.StatusCode.NOT_FOUND, "REFUND_NOT_FOUND")


async def test_an_order_is_paid_in_parts(orders: OrdersServiceStub, shop: Shop) -> None:
    order = await orders.PlaceOrder(placing((await shop.product(price=1000), 1)))
    pay = pb.PayOrderRequest(name=order.name, tender=pb.TENDER_MANUAL, amount=yuan(3), partial=True)
    waiting = await orders.PayOrder(pay)
    assert (waiting.state, waiting.outstanding_amount) == (pb.Order.STATE_PENDING_PAYMENT, yuan(7))
    whole = pb.PayOrderRequest(name=order.name, tender=pb.TENDER_MANUAL, amount=yuan(5), reference="till")
    whole.more.add(tender=pb.TENDER_MANUAL, amount=yuan(2), reference="card")
    paid = await orders.PayOrder(whole)
    assert (paid.state, paid.outstanding_amount) == (pb.Order.STATE_PAID, yuan(0))
    assert [(payment.amount, payment.reference) for payment in paid.payments] == [
        (yuan(3), ""),
        (yuan(5), "till"),
        (yuan(2), "card"),
    ]


async def test_an_exchange_pays_for_its_replacement_and_the_rest_is_owed(
    orders: OrdersServiceStub, refunds: RefundsServiceStub, shop: Shop, database: Database[OrdersUnit]
) -> None:
    cheap, dear = await shop.product(price=1000), await shop.product(price=1500)
    first = await shop.pay(await orders.PlaceOrder(placing((cheap, 1), member=MEMBER)))
    instead = await orders.PlaceOrder(placing((dear, 1), member=MEMBER))
    request = refunding(first.name, (1, 1), kind=refunds_pb2.Refund.KIND_EXCHANGE, replacement=instead.name)
    asked = await orders.RefundOrder(request)
    assert (asked.amount, asked.HasField("credit")) == (yuan(10), False)
    received = await refunds.ReceiveReturn(refunds_pb2.ReceiveReturnRequest(name=asked.name))
    assert (received.amount, received.credit, list(received.payments)) == (yuan(0), yuan(10), [])
    owing = await get(orders, instead.name)
    assert [(each.tender, each.amount, each.reference) for each in owing.payments] == [
        (pb.TENDER_EXCHANGE, yuan(10), asked.name)
    ]
    assert (owing.state, owing.outstanding_amount) == (pb.Order.STATE_PENDING_PAYMENT, yuan(5))
    rest = pb.PayOrderRequest(name=instead.name, tender=pb.TENDER_MANUAL, amount=yuan(5))
    paid = await orders.PayOrder(rest)
    assert paid.state == pb.Order.STATE_PAID
    (told,) = [event for event in events(database, "OrderPaid") if event["order"] == instead.name]
    assert [each["tender"] for each in told["payments"]] == ["exchange", "manual"]
    forged = pb.PayOrderRequest(name=instead.name, tender=pb.TENDER_EXCHANGE, amount=yuan(5))
    assert (await refused(orders.PayOrder(forged))).code is grpc.StatusCode.INVALID_ARGUMENT


async def test_a_repeat_is_answered_without_what_was_erased_meanwhile(
    orders: OrdersServiceStub, refunds: RefundsServiceStub, database: Database[OrdersUnit], bought: pb.Order
) -> None:
    asked = refunding(bought.name, (1, 1), reason="Mrs Wang is ill", request_id=str(uuid.uuid4()))
    made = await orders.RefundOrder(asked)
    assert (await orders.RefundOrder(asked)) == made
    kept = "select count(*) from idempotency where position('Mrs Wang' in encode(response, 'escape')) > 0"
    assert database.read(lambda unit: unit.connection.execute(text(kept)).scalar_one()) == 0
    database.write(forget_members, [uuid.UUID(bought.member.removeprefix("members/"))])
    again = await orders.RefundOrder(asked)
    assert (made.reason, again.reason) == ("Mrs Wang is ill", "")
    assert (again.name, again.amount) == (made.name, made.amount)
