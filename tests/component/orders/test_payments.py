"""Payments by providers: two servers, real PostgreSQL, and providers that misbehave."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from typing import Any

import grpc
import pytest
from kehu.orders.v1 import orders_pb2, refunds_pb2
from kehu.orders.v1 import payments_pb2 as pb
from sqlalchemy import text

from kit.db import Database
from services.orders.consumer import expire_orders
from services.orders.server import build
from services.orders.storage.unit import OrdersUnit
from tests.component.orders.paying import ALIPAY, WECHAT, Till, paid_by_providers, soon, tills, yuan
from tests.support.rpc import Keys, refused
from tools.providers.desk import FORGERIES
from tools.providers.server import ProviderServer

PENDING, SUCCEEDED, CLOSED = (
    pb.PaymentIntent.STATE_PENDING,
    pb.PaymentIntent.STATE_SUCCEEDED,
    pb.PaymentIntent.STATE_CLOSED,
)
FAILED, PARKED, RETURNED = (
    pb.PaymentIntent.STATE_FAILED,
    pb.PaymentIntent.STATE_PARKED,
    pb.PaymentIntent.STATE_RETURNED,
)
BACK = pb.ProviderRefund.STATE_SUCCEEDED
BOTH = pytest.mark.parametrize("provider", [WECHAT, ALIPAY], ids=["wechat", "alipay"])


@pytest.fixture
def opening(
    url: str, peers: str, settings: Callable[..., Any], keys: Keys, provider_server: ProviderServer
) -> Callable[..., Any]:
    """`opening(pay_within=...)`: tills at two servers."""

    def open_them(**others: Any) -> Any:
        config = paid_by_providers(settings, provider_server, database_url=url, peers=peers, **others)
        return tills(lambda: build(config), keys.bearer("admin"), provider_server)

    return open_them


@pytest.fixture
async def both(opening: Callable[..., Any]) -> AsyncIterator[list[Till]]:
    """Tills at two servers."""
    async with opening() as opened:
        yield opened


@pytest.fixture
async def till(both: list[Till]) -> Till:
    """The till at the first."""
    return both[0]


@BOTH
async def test_an_order_is_paid_by_a_notice_once_however_often_it_comes(both: list[Till], provider: int) -> None:
    till = both[0]
    product = await till.shop.product(stock=5)
    order = await till.order(product=product, units=2)
    intent = await till.intent(order, provider)
    assert (intent.state, intent.amount) == (PENDING, order.amount_due)
    assert intent.cashier.fields["code_url"]

    post = till.desk(provider).pay(intent.reference, tell=False)
    answers = await asyncio.gather(*(both[index % 2].tell(provider, post) for index in range(10)))

    assert {answer.status for answer in answers} <= {200, 204}
    paid = await till.again(order)
    assert paid.state == orders_pb2.Order.STATE_PAID
    assert [payment.amount for payment in paid.payments] == [order.amount_due]
    assert await till.shop.stock(product) == (3, 0)
    settled = await till.read(intent)
    assert (settled.state, settled.transaction) == (SUCCEEDED, paid.payments[0].reference)
    assert not settled.HasField("cashier")
    assert await till.back(order) == []


@BOTH
async def test_a_forged_or_stale_notice_has_no_effect_and_is_refused_in_the_providers_form(
    till: Till, provider: int, database: Database[OrdersUnit]
) -> None:
    order = await till.order()
    intent = await till.intent(order, provider)
    desk = till.desk(provider)
    post = desk.pay(intent.reference, tell=False)
    for how in FORGERIES:
        answer = await till.tell(provider, desk.forge(post, how))
        accepted = answer.status in {200, 204} if provider == WECHAT else answer.body == b"success"
        assert not accepted, how
    assert (await till.read(intent)).state == PENDING
    assert (await till.again(order)).state == orders_pb2.Order.STATE_PENDING_PAYMENT


async def test_a_notice_needs_no_token_and_nothing_else_is_open_without_one(till: Till) -> None:
    listing = till.stranger.ListPaymentIntents(pb.ListPaymentIntentsRequest(parent="orders/-"))
    assert (await refused(listing)).code is grpc.StatusCode.UNAUTHENTICATED


async def test_a_notice_is_answered_in_time_and_applied_when_that_is_possible(
    till: Till, database: Database[OrdersUnit]
) -> None:
    order = await till.order()
    intent = await till.intent(order)
    post = till.desk(WECHAT).pay(intent.reference, tell=False)
    with database._engine.connect() as somebody:
        somebody.execute(text("select 1 from orders for update"))
        began = time.monotonic()
        assert (await till.tell(WECHAT, post)).status in {200, 204}
        assert time.monotonic() - began < 4.5  # WeChat Pay waits for 5 s
        assert (await till.read(intent)).state == PENDING
    _hurry(database, "payment_notices")

    async def paid() -> bool:
        return (await till.again(order)).state == orders_pb2.Order.STATE_PAID

    assert await soon(paid, what="the effect of the notice")


async def test_what_is_kept_of_a_notice_is_sealed(till: Till, database: Database[OrdersUnit]) -> None:
    intent = await till.intent(await till.order(), ALIPAY)
    post = till.desk(ALIPAY).pay(intent.reference, tell=False)
    await till.tell(ALIPAY, post)
    query = text("select sealed, apply_time from payment_notices")
    ((sealed, applied),) = database.read(lambda unit: unit.connection.execute(query).all())
    assert applied is not None
    assert intent.reference.encode() not in bytes(sealed)


@BOTH
async def test_a_silent_provider_is_asked_and_the_money_is_found(
    till: Till, provider: int, database: Database[OrdersUnit]
) -> None:
    order = await till.order()
    intent = await till.intent(order, provider)
    till.desk(provider).pay(intent.reference, tell=False)
    _hurry(database, "payment_intents")

    async def paid() -> bool:
        return (await till.again(order)).state == orders_pb2.Order.STATE_PAID

    assert await soon(paid, what="the payment")


async def test_an_intent_whose_maker_died_before_the_answer_is_prepared_by_the_same_request(till: Till) -> None:
    order, request_id = await till.order(), str(uuid.uuid4())
    till.desk(WECHAT).mischief.expect("prepare", "lost", times=9)
    refusal = await refused(till.intent(order, request_id=request_id))
    assert refusal.code is grpc.StatusCode.UNAVAILABLE
    (pending,) = await till.intents(order)
    assert (pending.state, pending.HasField("cashier")) == (PENDING, False)

    till.desk(WECHAT).mischief.forget()
    again = await till.intent(order, request_id=request_id)

    assert (again.name, bool(again.cashier.fields)) == (pending.name, True)
    assert len(await till.intents(order)) == 1


async def test_a_notice_may_come_before_the_answer_to_the_request(till: Till) -> None:
    order, request_id = await till.order(), str(uuid.uuid4())
    till.desk(WECHAT).mischief.expect("prepare", "lost", times=9)
    await refused(till.intent(order, request_id=request_id))
    (pending,) = await till.intents(order)
    await till.tell(WECHAT, till.desk(WECHAT).pay(pending.reference, tell=False))

    assert (await till.intent(order, request_id=request_id)).state == SUCCEEDED
    assert (await till.again(order)).state == orders_pb2.Order.STATE_PAID


@BOTH
async def test_another_amount_parks_the_intent_until_somebody_decides(till: Till, provider: int) -> None:
    order = await till.order(price=1000)
    for accept in (False, True):
        intent = await till.intent(order, provider)
        await till.tell(provider, till.desk(provider).pay(intent.reference, amount=600, tell=False))
        parked = await till.read(intent)
        assert (parked.state, parked.cause) == (PARKED, pb.PaymentIntent.CAUSE_AMOUNT_DIFFERS)
        assert parked.captured_amount == yuan(600)
        decision = (
            pb.ResolvePaymentIntentRequest.DECISION_ACCEPT if accept else pb.ResolvePaymentIntentRequest.DECISION_REFUND
        )
        resolved = await till.payments.ResolvePaymentIntent(
            pb.ResolvePaymentIntentRequest(name=intent.name, decision=decision, etag=parked.etag)
        )
        assert resolved.state == (SUCCEEDED if accept else RETURNED)
    (back,) = await till.given(order)
    assert (back.state, back.amount) == (BACK, yuan(600))
    rest = await till.intent(order, provider)
    assert rest.amount == yuan(400)
    await till.tell(provider, till.desk(provider).pay(rest.reference, tell=False))
    assert (await till.again(order)).state == orders_pb2.Order.STATE_PAID


async def test_many_clicks_leave_one_intent_that_can_be_paid(both: list[Till]) -> None:
    order = await both[0].order()
    made = await asyncio.gather(*(both[index % 2].intent(order) for index in range(8)), return_exceptions=True)
    assert all(isinstance(each, (pb.PaymentIntent, grpc.aio.AioRpcError)) for each in made)
    states = Counter(each.state for each in await both[0].intents(order))
    assert states[PENDING] <= 1
    assert set(states) <= {PENDING, CLOSED}


async def test_parts_are_paid_when_they_are_asked_for(till: Till) -> None:
    order = await till.order(price=1000)
    part = await till.intent(order, part=yuan(300))
    await till.tell(WECHAT, till.desk(WECHAT).pay(part.reference, tell=False))
    assert (await refused(till.intent(order, part=yuan(701)))).reason == "AMOUNT_NOT_DUE"
    rest = await till.intent(order, ALIPAY)
    assert rest.amount == yuan(700)
    await till.tell(ALIPAY, till.desk(ALIPAY).pay(rest.reference, tell=False))
    paid = await till.again(order)
    assert [each.tender for each in paid.payments] == [orders_pb2.TENDER_WECHAT_PAY, orders_pb2.TENDER_ALIPAY]


async def test_a_charge_that_was_taken_twice_goes_back_once(till: Till) -> None:
    order = await till.order()
    intent = await till.intent(order)
    desk = till.desk(WECHAT)
    await till.tell(WECHAT, desk.pay(intent.reference, tell=False))
    twice = desk.pay(intent.reference, anyway=True, tell=False)
    for _ in range(3):
        await till.tell(WECHAT, twice)
    (back,) = await till.given(order)
    assert (back.cause, back.state, back.amount) == (pb.ProviderRefund.CAUSE_DUPLICATE, BACK, order.amount_due)


@BOTH
async def test_money_for_an_order_that_is_paid_by_hand_goes_back(till: Till, provider: int) -> None:
    order = await till.order()
    intent = await till.intent(order, provider)
    await till.shop.pay(order)
    await till.tell(provider, till.desk(provider).pay(intent.reference, anyway=True, tell=False))
    assert (await till.read(intent)).state == RETURNED
    (back,) = await till.given(order)
    assert (back.cause, back.state, back.amount) == (pb.ProviderRefund.CAUSE_RETURNED, BACK, order.amount_due)


@pytest.mark.parametrize("left", [True, False], ids=["stock left", "stock gone"])
async def test_late_money_brings_a_closed_order_back_whole_or_goes_back_whole(till: Till, left: bool) -> None:
    product = await till.shop.product(stock=3)
    order = await till.order(product=product, units=2)
    intent = await till.intent(order)
    await till.cancel(order)
    assert (await till.read(intent)).state == CLOSED
    if not left:
        await till.order(product=product, units=2)

    post = till.desk(WECHAT).pay(intent.reference, anyway=True, tell=False)
    await asyncio.gather(*(till.tell(WECHAT, post) for _ in range(5)))

    settled, later = await till.read(intent), await till.again(order)
    if left:
        assert (settled.state, later.state) == (SUCCEEDED, orders_pb2.Order.STATE_PAID)
        assert await till.shop.stock(product) == (1, 0)
        assert await till.back(order) == []
    else:
        assert (settled.state, settled.cause) == (RETURNED, pb.PaymentIntent.CAUSE_ORDER_CLOSED)
        assert later.state == orders_pb2.Order.STATE_CANCELLED
        assert await till.shop.stock(product) == (3, 2)
        (back,) = await till.given(order)
        assert (back.state, back.amount) == (BACK, order.amount_due)


@BOTH
async def test_cancelling_an_order_that_was_just_paid_is_refused_and_it_is_paid(till: Till, provider: int) -> None:
    order = await till.order()
    intent = await till.intent(order, provider)
    till.desk(provider).pay(intent.reference, tell=False)
    assert (await refused(till.cancel(order))).reason == "ORDER_STATE_INVALID"
    assert (await till.again(order)).state == orders_pb2.Order.STATE_PAID


async def test_what_is_refused_anyway_closes_no_payment_under_way(till: Till) -> None:
    order = await till.order()
    intent = await till.intent(order)
    stale = orders_pb2.CancelOrderRequest(name=order.name, reason=orders_pb2.CANCEL_REASON_MERCHANT, etag='"99"')
    assert (await refused(till.shop.orders.CancelOrder(stale))).reason == "ETAG_MISMATCH"
    assert (await refused(till.intent(order, ALIPAY, part=yuan(991)))).reason == "AMOUNT_NOT_DUE"
    assert (await till.read(intent)).state == PENDING
    await till.tell(WECHAT, till.desk(WECHAT).pay(intent.reference, tell=False))
    assert (await till.again(order)).state == orders_pb2.Order.STATE_PAID


async def test_an_intent_that_was_given_up_is_closed_at_its_provider_too(till: Till) -> None:
    order = await till.order()
    intent = await till.intent(order)
    closed = await till.payments.CancelPaymentIntent(pb.CancelPaymentIntentRequest(name=intent.name))
    assert closed.state == CLOSED
    (trade,) = till.desk(WECHAT).state()["trades"]
    assert trade["closed"]
    assert (await till.again(order)).state == orders_pb2.Order.STATE_PENDING_PAYMENT
    assert (await till.intent(order)).state == PENDING


async def test_an_order_is_not_cancelled_while_its_provider_cannot_be_asked(till: Till) -> None:
    order = await till.order()
    await till.intent(order)
    till.desk(WECHAT).mischief.expect("close", "error", times=9)
    assert (await refused(till.cancel(order))).code is grpc.StatusCode.UNAVAILABLE
    till.desk(WECHAT).mischief.forget()
    assert (await till.cancel(order)).state == orders_pb2.Order.STATE_CANCELLED


async def test_paying_and_running_out_of_time_is_decided_once(
    opening: Callable[..., Any], database: Database[OrdersUnit]
) -> None:
    async with opening(pay_within=timedelta(seconds=3)) as (till, _):
        product = await till.shop.product(stock=10)
        orders = [await till.order(product=product) for _ in range(6)]
        intents = [await till.intent(order) for order in orders]
        for intent in intents[::2]:
            till.desk(WECHAT).pay(intent.reference, anyway=True, tell=False)

        async def decided() -> bool:
            await asyncio.to_thread(database.write, expire_orders)
            states = [(await till.again(order)).state for order in orders]
            return orders_pb2.Order.STATE_PENDING_PAYMENT not in states

        await soon(decided, what="the end of all orders")
        states = [(await till.again(order)).state for order in orders]
        assert states == [orders_pb2.Order.STATE_PAID, orders_pb2.Order.STATE_CANCELLED] * 3
        assert [(await till.read(intent)).state for intent in intents] == [SUCCEEDED, CLOSED] * 3
        assert await till.shop.stock(product) == (7, 0)


@BOTH
async def test_refunds_go_back_through_their_provider_even_when_answers_are_lost(till: Till, provider: int) -> None:
    order = await till.order(price=500, units=3)
    intent = await till.intent(order, provider)
    desk = till.desk(provider)
    await till.tell(provider, desk.pay(intent.reference, tell=False))
    desk.mischief.expect("refund", "lost", times=2)

    await till.refund(order, 1)
    await till.refund(order, 2)

    back = await till.given(order)
    assert sorted((each.state, each.amount.units) for each in back) == [(BACK, 5), (BACK, 10)]
    (trade,) = desk.state()["trades"]
    assert sum(each["amount"] for each in trade["refunds"]) == 1500
    found = await till.orders.ListRefunds(refunds_pb2.ListRefundsRequest(parent=order.name))
    assert {each.state for each in found.refunds} == {refunds_pb2.Refund.STATE_SUCCEEDED}


async def test_a_refund_that_failed_at_the_provider_is_tried_again_by_hand(till: Till) -> None:
    order = await till.order()
    intent = await till.intent(order)
    desk = till.desk(WECHAT)
    await till.tell(WECHAT, desk.pay(intent.reference, tell=False))
    desk.ledger.refund_state = "processing"
    await till.refund(order)

    async def asked() -> list[Any]:
        return [each for trade in desk.state()["trades"] for each in trade["refunds"]]

    (asked_for,) = await soon(asked, what="the refund")
    await till.tell(WECHAT, desk.settle(asked_for["number"], state="failed", tell=False))
    (failed,) = await till.given(order)
    assert failed.state == pb.ProviderRefund.STATE_FAILED

    desk.ledger.refund_state = "done"
    await till.payments.RetryProviderRefund(pb.RetryProviderRefundRequest(name=failed.name))
    (back,) = await till.given(order)
    assert (back.state, back.name) == (BACK, failed.name)
    assert back.reference != failed.reference


async def test_a_provider_that_refuses_ends_the_intent(till: Till) -> None:
    order = await till.order()
    wanted = pb.PaymentIntent(provider=WECHAT, scene=pb.PAYMENT_SCENE_PAGE)
    request = pb.CreatePaymentIntentRequest(parent=order.name, payment_intent=wanted)
    assert (await refused(till.payments.CreatePaymentIntent(request))).reason == "SCENE_UNSUPPORTED"
    assert await till.intents(order) == []


def _hurry(database: Database[OrdersUnit], table: str) -> None:
    """What would happen in a while happens now."""
    query = text(f"update {table} set next_time = now() where next_time is not null")
    database.write(lambda unit: unit.connection.execute(query))
