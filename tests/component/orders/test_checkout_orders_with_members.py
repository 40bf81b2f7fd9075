"""Orders that the real members pays: held, spent and given back by what orders tells, and held anew for late money."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import grpc
import pytest
from google.protobuf.json_format import Parse
from kehu.members.v1 import gift_cards_pb2, members_pb2, stored_value_pb2
from kehu.members.v1.gift_cards_pb2_grpc import GiftCardServiceStub
from kehu.members.v1.members_pb2_grpc import MembersServiceStub
from kehu.members.v1.stored_value_pb2_grpc import StoredValueServiceStub
from kehu.orders.v1 import events_pb2, flash_sales_pb2, payments_pb2, proofs_pb2, refunds_pb2
from kehu.orders.v1 import orders_pb2 as pb
from kehu.orders.v1.flash_sales_pb2_grpc import FlashSalesServiceStub
from kehu.orders.v1.orders_pb2_grpc import OrdersServiceStub
from kehu.orders.v1.proofs_pb2_grpc import ProofServiceStub
from sqlalchemy import text

from kit.db import Database
from kit.money import Money
from kit.rpc import Server
from kit.rpc.convert import money, wire_instant, wire_money
from kit.worker import Received
from services.members import consumer, publish
from services.members.config import Config as MembersConfig
from services.members.server import build as build_members
from services.members.storage.unit import MembersUnit
from services.orders.config import Config
from services.orders.server import build
from services.orders.storage.unit import OrdersUnit
from tests.component.orders.activities import a_presale
from tests.component.orders.conftest import Shop, placing
from tests.component.orders.paying import WECHAT, Till, soon, tills, yuan
from tests.component.orders.peers import Campaigns
from tests.support.keyring import VAULT
from tests.support.providers import provider_settings
from tests.support.rpc import Keys, serving
from tools.providers.server import ProviderServer

PAYMENT = stored_value_pb2.StoredValuePayment
HOUR = timedelta(hours=1)


def usd(minor: int) -> Any:
    return wire_money(Money(minor, "USD"))


@pytest.fixture
async def loyalty(
    migrated: Callable[[str], str], settings: Callable[..., Any], keys: Keys
) -> AsyncIterator[tuple[Server, grpc.aio.Channel, Database[MembersUnit]]]:
    """The real members, and its database as its worker sees it."""
    url = migrated("members")
    server = build_members(settings(MembersConfig, database_url=url))
    database = Database(url, partial(MembersUnit, publish=publish.to_event, vault=VAULT))
    async with serving(server, keys.bearer("admin")) as channel:
        yield server, channel, database
    database.close()


@pytest.fixture
async def channel(
    loyalty: tuple[Server, grpc.aio.Channel, Database[MembersUnit]],
    url: str,
    peers: str,
    settings: Callable[..., Any],
    keys: Keys,
) -> AsyncIterator[grpc.aio.Channel]:
    """A channel to orders, which asks the real members."""
    address = f"127.0.0.1:{loyalty[0].port}"
    server = build(settings(Config, database_url=url, peers_campaigns=peers, peers_members=address))
    async with serving(server, keys.bearer("admin")) as channel:
        yield channel


@pytest.fixture
async def till(
    loyalty: tuple[Server, grpc.aio.Channel, Database[MembersUnit]],
    url: str,
    peers: str,
    settings: Callable[..., Any],
    keys: Keys,
    provider_server: ProviderServer,
) -> AsyncIterator[Till]:
    """A till of orders, which asks the real members, with a payment provider behind it."""
    account = provider_settings(provider_server.keys, provider_server.address)
    address = f"127.0.0.1:{loyalty[0].port}"
    config = settings(Config, database_url=url, peers_campaigns=peers, peers_members=address, **account)
    async with tills(lambda: build(config), keys.bearer("admin"), provider_server, servers=1) as (opened,):
        yield opened


@pytest.fixture
def tell(
    loyalty: tuple[Server, grpc.aio.Channel, Database[MembersUnit]], database: Database[OrdersUnit]
) -> Callable[[], list[str]]:
    """Brings members the news of orders, those that it has not heard."""
    heard = 0

    def bring() -> list[str]:
        nonlocal heard
        query = text("""
            select sequence, type, aggregateid, subject_version, payload from outbox
            where sequence > :heard and type in ('OrderPaid', 'OrderRefunded', 'OrderCancelled') order by sequence
        """)
        rows = database.read(lambda unit: unit.connection.execute(query, {"heard": heard}).all())
        for sequence, kind, subject, version, payload in rows:
            message = Parse(payload, getattr(events_pb2, kind)())
            received = Received(uuid.uuid4(), kind, subject, version, datetime.now(UTC), message)
            act = consumer.release if kind == "OrderCancelled" else consumer.settle
            loyalty[2].write(act, [received])
            heard = sequence
        return [row.type for row in rows]

    return bring


@pytest.mark.parametrize("reason", [pb.CANCEL_REASON_CUSTOMER, pb.CANCEL_REASON_MERCHANT], ids=["kept", "given back"])
async def test_a_deposit_out_of_accounts_is_spent_if_it_is_kept_and_else_comes_back(
    loyalty: tuple[Server, grpc.aio.Channel, Database[MembersUnit]],
    channel: grpc.aio.Channel,
    tell: Callable[[], list[str]],
    reason: Any,
) -> None:
    members, value = MembersServiceStub(loyalty[1]), StoredValueServiceStub(loyalty[1])
    orders = OrdersServiceStub(channel)
    fang = (await members.EnrollMember(members_pb2.EnrollMemberRequest(member=members_pb2.Member()))).name
    top_up = stored_value_pb2.TopUp(member=fang, amount=yuan(1_500), store="east")
    await value.CreateTopUp(stored_value_pb2.CreateTopUpRequest(top_up=top_up))
    until = wire_instant(datetime.now(UTC) + timedelta(days=60))  # longer than members holds points
    presale = await a_presale(channel, await Shop(orders).product(price=2_000), balance_end_time=until)
    order = await presale.buy(member=fang)
    await orders.CheckoutOrder(pb.CheckoutOrderRequest(name=order.name, stored_value=yuan(1_000)))
    cancelled = await orders.CancelOrder(pb.CancelOrderRequest(name=order.name, reason=reason))
    assert tell() == ["OrderCancelled"]
    stored = await value.GetStoredValue(stored_value_pb2.GetStoredValueRequest(name=f"{fang}/storedValues/CNY"))
    kept = 1_000 if reason == pb.CANCEL_REASON_CUSTOMER else 0
    assert (money(stored.principal).minor, money(stored.held_principal).minor) == (1_500 - kept, 0)
    assert cancelled.HasField("forfeited_amount") is bool(kept)
    proof = await ProofServiceStub(channel).VerifyOrder(proofs_pb2.VerifyOrderRequest(name=order.name))
    assert not [each for each in proof.checks if each.verdict == proofs_pb2.OrderCheck.VERDICT_DIFFERENT]
    of_value = [each for each in proof.checks if each.kind == "stored_value"]
    assert [each.verdict for each in of_value] == [proofs_pb2.OrderCheck.VERDICT_OK]


@pytest.mark.parametrize("spent", [False, True], ids=["all there", "stored value spent"])
@pytest.mark.parametrize("heard", [False, True], ids=["heard late", "heard first"])
async def test_late_money_brings_an_order_back_with_all_that_it_had_or_goes_back_whole(
    loyalty: tuple[Server, grpc.aio.Channel, Database[MembersUnit]],
    till: Till,
    tell: Callable[[], list[str]],
    campaigns: Campaigns,
    *,
    heard: bool,
    spent: bool,
) -> None:
    members, value, cards = (
        MembersServiceStub(loyalty[1]),
        StoredValueServiceStub(loyalty[1]),
        GiftCardServiceStub(loyalty[1]),
    )
    fang = (await members.EnrollMember(members_pb2.EnrollMemberRequest(member=members_pb2.Member()))).name
    top_up = stored_value_pb2.TopUp(member=fang, amount=yuan(700), store="east")
    await value.CreateTopUp(stored_value_pb2.CreateTopUpRequest(top_up=top_up))
    issuing = gift_cards_pb2.IssueGiftCardsRequest(batch="spring", value=yuan(200), count=1)
    sold = (await cards.IssueGiftCards(issuing)).gift_cards[0]
    await cards.ActivateGiftCard(gift_cards_pb2.ActivateGiftCardRequest(name=sold.gift_card.name, store="east"))
    coupon, product = campaigns.coupon(fang, 100), await till.shop.product(price=2_000, stock=1)

    async def has() -> int:
        stored = await value.GetStoredValue(stored_value_pb2.GetStoredValueRequest(name=f"{fang}/storedValues/CNY"))
        return money(stored.principal).minor

    order = await till.orders.PlaceOrder(
        placing(
            (product, 1),
            member=fang,
            coupons=[coupon],
            stored_value=yuan(700),
            gift_cards=[pb.GiftCardTender(code=sold.code, amount=yuan(200))],
        )
    )
    assert money(order.outstanding_amount).minor == 2_000 - 100 - 700 - 200
    intent = await till.intent(order)
    await till.cancel(order)
    if heard or spent:
        assert tell() == ["OrderCancelled"]
        assert await has() == 700
    if spent:
        paying = stored_value_pb2.PayStoredValueRequest(member=fang, amount=yuan(1), store="east")
        await value.PayStoredValue(paying)

    await till.tell(WECHAT, till.desk(WECHAT).pay(intent.reference, anyway=True, tell=False))
    assert (await till.read(intent)).state == payments_pb2.PaymentIntent.STATE_REVIVING

    async def decided() -> payments_pb2.PaymentIntent | None:
        found = await till.read(intent)
        return None if found.state == payments_pb2.PaymentIntent.STATE_REVIVING else found

    settled = await soon(decided, what="the end of the late money")
    assert settled is not None
    later = await till.again(order)
    told = tell()
    if spent:
        assert (settled.state, later.state) == (payments_pb2.PaymentIntent.STATE_RETURNED, pb.Order.STATE_CANCELLED)
        (back,) = await till.given(order)
        assert back.amount == order.outstanding_amount
        assert (await has(), campaigns.locks, await till.shop.stock(product)) == (699, {}, (1, 0))
        return
    assert (settled.state, later.state) == (payments_pb2.PaymentIntent.STATE_SUCCEEDED, pb.Order.STATE_PAID)
    assert told == (["OrderPaid"] if heard else ["OrderCancelled", "OrderPaid"])
    assert (await has(), campaigns.locks, await till.shop.stock(product)) == (0, {coupon: order.name}, (0, 0))
    states = [
        (await value.GetStoredValuePayment(stored_value_pb2.GetStoredValuePaymentRequest(name=each.reference))).state
        for each in later.payments
        if each.tender in {pb.TENDER_STORED_VALUE, pb.TENDER_GIFT_CARD}
    ]
    assert states == [PAYMENT.STATE_PAID] * 2
    await till.orders.RefundOrder(refunds_pb2.RefundOrderRequest(name=order.name, reason="back"))
    tell()
    assert await has() == 700


async def test_what_members_holds_pays_an_order_and_comes_back(
    loyalty: tuple[Server, grpc.aio.Channel, Database[MembersUnit]],
    channel: grpc.aio.Channel,
    tell: Callable[[], list[str]],
) -> None:
    members, value = MembersServiceStub(loyalty[1]), StoredValueServiceStub(loyalty[1])
    cards, orders, sales = GiftCardServiceStub(loyalty[1]), OrdersServiceStub(channel), FlashSalesServiceStub(channel)
    fang = (await members.EnrollMember(members_pb2.EnrollMemberRequest(member=members_pb2.Member()))).name
    await members.AccruePoints(members_pb2.AccruePointsRequest(parent=fang, points=1_000, source="surveys/1"))
    top_up = stored_value_pb2.TopUp(member=fang, amount=usd(5_000), store="east")
    await value.CreateTopUp(stored_value_pb2.CreateTopUpRequest(top_up=top_up))
    issuing = gift_cards_pb2.IssueGiftCardsRequest(batch="spring", value=usd(500), count=1)
    sold = (await cards.IssueGiftCards(issuing)).gift_cards[0]
    await cards.ActivateGiftCard(gift_cards_pb2.ActivateGiftCardRequest(name=sold.gift_card.name, store="east"))
    now = datetime.now(UTC)
    wanted = flash_sales_pb2.FlashSale(
        product=await Shop(orders).product(price=2_000, currency="USD"),
        price=usd(1_000),
        quota=5,
        member_limit=5,
        start_time=wire_instant(now - HOUR),
        end_time=wire_instant(now + HOUR),
    )
    sale = await sales.CreateFlashSale(flash_sales_pb2.CreateFlashSaleRequest(flash_sale=wanted))

    async def has() -> tuple[int, int]:
        balance = await members.GetBalance(members_pb2.GetBalanceRequest(name=f"{fang}/balance"))
        stored = await value.GetStoredValue(stored_value_pb2.GetStoredValueRequest(name=f"{fang}/storedValues/USD"))
        return balance.available, money(stored.principal).minor

    async def buy() -> pb.Order:
        request = flash_sales_pb2.BuyFlashSaleRequest(name=sale.name, member=fang, channel="web", quantity=2)
        order: pb.Order = await sales.BuyFlashSale(request)
        card = pb.GiftCardTender(code=sold.code, amount=usd(200))
        tenders = pb.CheckoutOrderRequest(name=order.name, points=300, stored_value=usd(700), gift_cards=[card])
        held: pb.Order = await orders.CheckoutOrder(tenders)
        assert money(held.outstanding_amount).minor == 2_000 - 300 - 700 - 200
        return held

    given_up = await buy()
    assert await has() == (700, 4_300)
    cancelling = pb.CancelOrderRequest(name=given_up.name, reason=pb.CANCEL_REASON_CUSTOMER)
    await orders.CancelOrder(cancelling)
    assert tell() == ["OrderCancelled"]
    assert await has() == (1_000, 5_000)

    order = await buy()
    paid = await Shop(orders).pay(pb.Order(name=order.name, amount_due=order.outstanding_amount))
    assert tell() == ["OrderPaid"]
    states = [
        (await value.GetStoredValuePayment(stored_value_pb2.GetStoredValuePaymentRequest(name=each.reference))).state
        for each in paid.payments
        if each.tender in {pb.TENDER_STORED_VALUE, pb.TENDER_GIFT_CARD}
    ]
    assert states == [PAYMENT.STATE_PAID] * 2
    for lines in ([refunds_pb2.RefundLine(position=1, quantity=1)], []):
        await orders.RefundOrder(refunds_pb2.RefundOrderRequest(name=order.name, lines=lines, reason="back"))
        assert tell() == ["OrderRefunded"]
    assert await has() == (1_000, 5_000)
    proof = await ProofServiceStub(channel).VerifyOrder(proofs_pb2.VerifyOrderRequest(name=order.name))
    assert not [each for each in proof.checks if each.verdict == proofs_pb2.OrderCheck.VERDICT_DIFFERENT]
