"""An order of an activity that the real members pays: held, spent and given back by what orders tells."""

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
from kehu.orders.v1 import events_pb2, flash_sales_pb2, proofs_pb2, refunds_pb2
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
from tests.component.orders.conftest import Shop
from tests.support.keyring import VAULT
from tests.support.rpc import Keys, serving

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
