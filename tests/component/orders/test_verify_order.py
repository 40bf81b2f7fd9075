"""VerifyOrder, ListOrderVerifications, GetOrderVerificationKeySet."""

from __future__ import annotations

from datetime import timedelta

import grpc
import pytest
from kehu.orders.v1 import orders_pb2, refunds_pb2
from kehu.orders.v1 import proofs_pb2 as pb
from kehu.orders.v1.proofs_pb2_grpc import ProofServiceStub
from sqlalchemy import text

from kit.db import Database
from kit.money import Money
from kit.names import new_id
from kit.proof import chain_faults
from kit.rpc.convert import wire_money
from kit.signing import SignatureInvalid, verified
from services.orders.domain.verification import SETTLED_WITHIN
from services.orders.storage.unit import OrdersUnit
from tests.component.orders.conftest import Shop, placing
from tests.component.orders.peers import Campaigns, Members
from tests.support.rpc import refused

OK, DIFFERENT, UNKNOWN = (pb.OrderCheck.VERDICT_OK, pb.OrderCheck.VERDICT_DIFFERENT, pb.OrderCheck.VERDICT_UNKNOWN)


@pytest.fixture
def proofs(channel: grpc.aio.Channel) -> ProofServiceStub:
    """The service, as a client sees it."""
    return ProofServiceStub(channel)


@pytest.fixture
async def order(shop: Shop, campaigns: Campaigns, members: Members) -> orders_pb2.Order:
    """An order that a coupon, points and stored value pay a part of."""
    member = f"members/{new_id()}"
    members.available[member] = members.funds[member] = 500
    request = placing(
        (await shop.product(price=990), 2), member=member, coupons=[campaigns.coupon(member, 100)], points=200,
        stored_value=wire_money(Money(300, "CNY")),
    )  # fmt: skip
    placed: orders_pb2.Order = await shop.orders.PlaceOrder(request)
    return placed


async def verify(proofs: ProofServiceStub, order: orders_pb2.Order) -> pb.OrderVerification:
    found: pb.OrderVerification = await proofs.VerifyOrder(pb.VerifyOrderRequest(name=order.name))
    return found


def verdicts(found: pb.OrderVerification, *kinds: str) -> set[int]:
    return {check.verdict for check in found.checks if not kinds or check.kind in kinds}


def told(order: orders_pb2.Order, campaigns: Campaigns, members: Members) -> None:
    """Campaigns and members have heard that the order is paid."""
    campaigns.used |= set(campaigns.locks)
    for hold in members.holds.values():
        hold.state, hold.confirmed_points = hold.STATE_CONFIRMED, hold.points
    for _, payment in members.payments.values():
        payment.state = payment.STATE_PAID
    members.purchases[f"{order.member}/purchases/{order.name.partition('/')[2]}"] = wire_money(Money(1680, "CNY"))


def long_ago(database: Database[OrdersUnit], forgery: str = "") -> None:
    """The order has changed so long ago that everybody must have heard of it."""
    shift = {"by": SETTLED_WITHIN + timedelta(seconds=1)}
    statement = f"update orders set update_time = update_time - cast(:by as interval){forgery}"
    database.write(lambda unit: unit.connection.execute(text(statement), shift))


async def test_an_order_is_verified_across_the_services_and_the_statements_follow_each_other(
    proofs: ProofServiceStub,
    order: orders_pb2.Order,
    shop: Shop,
    campaigns: Campaigns,
    members: Members,
    database: Database[OrdersUnit],
) -> None:
    waiting = await verify(proofs, order)
    assert (waiting.ok, verdicts(waiting)) == (True, {OK})
    elsewhere = {"coupon", "hold", "purchase", "stored_value"}
    assert {each.kind for each in waiting.checks} >= elsewhere | {"total", "shares", "payments", "stock"}

    rest = wire_money(Money(1380, "CNY"))
    paid = await shop.orders.PayOrder(
        orders_pb2.PayOrderRequest(name=order.name, tender=orders_pb2.TENDER_MANUAL, amount=rest)
    )
    early = await verify(proofs, paid)  # the news are under way
    assert (early.ok, verdicts(early, *elsewhere)) == (False, {UNKNOWN})
    told(paid, campaigns, members)
    settled = await verify(proofs, paid)
    assert (settled.ok, verdicts(settled)) == (True, {OK})

    long_ago(database, ", total = total + 1")
    campaigns.used.clear()
    forged = await verify(proofs, paid)
    assert not forged.ok
    assert {each.kind for each in forged.checks if each.verdict == DIFFERENT} >= {"total", "coupon"}
    assert verdicts(forged, "hold", "purchase", "stored_value") == {OK}

    keys = (await proofs.GetOrderVerificationKeySet(pb.GetOrderVerificationKeySetRequest())).jwks
    listed = await proofs.ListOrderVerifications(pb.ListOrderVerificationsRequest(parent=order.name, page_size=3))
    assert list(listed.order_verifications) == [forged, settled, early]
    older = pb.ListOrderVerificationsRequest(parent=order.name, page_size=3, page_token=listed.next_page_token)
    assert list((await proofs.ListOrderVerifications(older)).order_verifications) == [waiting]
    chain = [verified(each.jws, keys) for each in (waiting, early, settled, forged)]
    assert chain_faults(chain) == []
    assert chain_faults([chain[0], chain[2]]) != []
    head, body, signature = forged.jws.split(".")
    with pytest.raises(SignatureInvalid):
        verified(".".join([head, waiting.jws.split(".")[1], signature]), keys)
    with pytest.raises(SignatureInvalid):
        verified(".".join([head, body, waiting.jws.split(".")[2]]), keys)


async def test_a_service_that_is_away_leaves_unknown_what_it_keeps(
    proofs: ProofServiceStub, order: orders_pb2.Order, database: Database[OrdersUnit], members: Members
) -> None:
    long_ago(database)
    members.holds.clear()  # it fails inside, and says nothing
    found = await verify(proofs, order)
    assert verdicts(found, "hold") == {UNKNOWN}
    assert verdicts(found, "coupon", "total", "stock") == {OK}
    assert not found.ok


async def test_the_coupon_of_an_order_that_was_refunded_whole_is_used_or_given_back_and_nothing_else(
    proofs: ProofServiceStub,
    shop: Shop,
    campaigns: Campaigns,
    database: Database[OrdersUnit],
) -> None:
    member = f"members/{new_id()}"
    coupon = campaigns.coupon(member, 100)
    placed = await shop.orders.PlaceOrder(placing((await shop.product(price=990), 2), member=member, coupons=[coupon]))
    await shop.pay(placed)
    await shop.orders.RefundOrder(refunds_pb2.RefundOrderRequest(name=placed.name))
    long_ago(database)
    campaigns.used.add(coupon)
    assert verdicts(await verify(proofs, placed), "coupon") == {OK}
    campaigns.used.clear()
    assert verdicts(await verify(proofs, placed), "coupon") == {DIFFERENT}
    campaigns.locks.clear()
    assert verdicts(await verify(proofs, placed), "coupon") == {OK}


async def test_what_is_not_there_is_not_verified(proofs: ProofServiceStub) -> None:
    name = f"orders/{new_id()}"
    assert (await refused(proofs.VerifyOrder(pb.VerifyOrderRequest(name=name)))).reason == "ORDER_NOT_FOUND"
    listing = pb.ListOrderVerificationsRequest(parent=name)
    assert (await refused(proofs.ListOrderVerifications(listing))).reason == "ORDER_NOT_FOUND"
