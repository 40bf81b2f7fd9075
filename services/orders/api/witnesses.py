"""What campaigns and members keep of an order, beside what the order says of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime

from kehu.campaigns.v1 import coupons_pb2
from kehu.campaigns.v1.campaigns_pb2_grpc import CampaignsServiceStub
from kehu.members.v1 import members_pb2, programmes_pb2, stored_value_pb2
from kehu.members.v1.members_pb2_grpc import MembersServiceStub
from kehu.members.v1.programmes_pb2_grpc import ProgrammesServiceStub
from kehu.members.v1.stored_value_pb2_grpc import StoredValueServiceStub

from kit import names
from kit.errors import Fault
from kit.errors import Kind as FaultKind
from kit.rpc import Peer, convert
from kit.rpc import call as calls
from services.orders.domain.order import Order
from services.orders.domain.order_state import OrderState
from services.orders.domain.payment import Payment, Tender
from services.orders.domain.verification import Check, Kind, remote

_WAIT_SECONDS = 2.0
_NONE = "none"
_GONE = "MEMBER_NOT_FOUND"
"""A member who was erased: what was kept can't be known any more."""

_USED, _FREE = "USED by it", "not held by it"
_ENDED_COUPON = "USED by it, or given back"
"""Of an order that was refunded whole, for its template says which."""

_PAYMENT = stored_value_pb2.StoredValuePayment
_ENDED = {_PAYMENT.STATE_EXPIRED: "RELEASED"}


@contextmanager
def _not_for_long() -> Iterator[None]:
    """Leave enough of the deadline to write down what was found, even if nobody answers."""
    call = calls.current()
    soon = asyncio.get_running_loop().time() + min(_WAIT_SECONDS, call.remaining() / 2)
    calls.enter(replace(call, deadline=min(call.deadline, soon)))
    try:
        yield
    finally:
        calls.enter(call)


class Witnesses:
    """Asks the other services about an order, all at once. Whoever is away leaves its checks unknown."""

    def __init__(self, campaigns: Peer, members: Peer) -> None:
        self._campaigns = campaigns
        self._members = members
        self._coupons = CampaignsServiceStub(campaigns.channel)
        self._points = MembersServiceStub(members.channel)
        self._purchases = ProgrammesServiceStub(members.channel)
        self._money = StoredValueServiceStub(members.channel)

    async def __call__(self, order: Order, now: datetime) -> list[Check]:
        """What they keep of the order, beside what they should."""
        asked: list[tuple[Kind, str, str, Awaitable[str]]] = [
            (Kind.COUPON, coupon, _coupon_expected(order), self._coupon(order, coupon)) for coupon in order.coupons
        ]
        if order.hold:
            asked.append((Kind.HOLD, order.hold, _hold_expected(order), self._hold(order.hold)))
        if order.buyer.member:
            name = names.join("members", order.buyer.member, "purchases", order.id)
            asked.append((Kind.PURCHASE, name, _purchase_expected(order), self._purchase(name)))
        asked += [
            (Kind.STORED_VALUE, each.reference, _payment_expected(order, each), self._payment(each.reference))
            for each in order.payments
            if each.tender in {Tender.STORED_VALUE, Tender.GIFT_CARD}
        ]
        with _not_for_long():
            found = await asyncio.gather(*(_answer(question) for *_, question in asked))
        return [
            remote(kind, subject, expected=expected, actual=actual, changed=order.update_time, now=now)
            for (kind, subject, expected, _), actual in zip(asked, found, strict=True)
        ]

    async def _coupon(self, order: Order, name: str) -> str:
        request = coupons_pb2.GetCouponRequest(name=name)
        coupon = await self._campaigns.call(self._coupons.GetCoupon, request)
        state = coupons_pb2.Coupon.State.Name(coupon.state).removeprefix("STATE_")
        found = f"{state} by it" if coupon.order == names.join("orders", order.id) else _FREE
        return _ENDED_COUPON if order.state is OrderState.REFUNDED and found in {_USED, _FREE} else found

    async def _hold(self, name: str) -> str:
        hold = await self._members.call(self._points.GetHold, members_pb2.GetHoldRequest(name=name))
        held = hold.points if hold.state == members_pb2.Hold.STATE_ACTIVE else 0
        return f"{held} held, {hold.confirmed_points} spent, {hold.returned_points} returned"

    async def _purchase(self, name: str) -> str:
        request = programmes_pb2.GetPurchaseRequest(name=name)
        purchase = await self._members.call(self._purchases.GetPurchase, request)
        for earning in purchase.earnings:
            if earning.rules and sum(rule.points for rule in earning.rules) != earning.points:
                return f"{earning.name} is not the sum of its rules"
        return f"{convert.money(purchase.net_total)} left"

    async def _payment(self, name: str) -> str:
        request = stored_value_pb2.GetStoredValuePaymentRequest(name=name)
        paid = await self._members.call(self._money.GetStoredValuePayment, request)
        state = _ENDED.get(paid.state) or _PAYMENT.State.Name(paid.state).removeprefix("STATE_")
        amount = convert.money(paid.amount)
        back = sum(
            convert.money(part).minor
            for part in (paid.refunded_principal, paid.refunded_bonus)
            if part.currency_code == amount.currency
        )
        return f"{amount} {state}, {replace(amount, minor=back)} returned"


async def _answer(question: Awaitable[str]) -> str | None:
    try:
        return await question
    except Fault as fault:
        return _NONE if fault.kind is FaultKind.NOT_FOUND and fault.reason != _GONE else None


def _coupon_expected(order: Order) -> str:
    if order.state is OrderState.PENDING_PAYMENT:
        return "LOCKED by it"
    if order.state is OrderState.REFUNDED:
        return _ENDED_COUPON
    return _FREE if order.state is OrderState.CANCELLED else _USED


def _hold_expected(order: Order) -> str:
    pending, paid = order.state is OrderState.PENDING_PAYMENT, _paid(order)
    held, spent = (order.points if pending else 0), (order.points if paid else 0)
    return f"{held} held, {spent} spent, {order.refunded_points} returned"


def _purchase_expected(order: Order) -> str:
    return f"{order.money(order.net_total)} left" if _paid(order) else _NONE


def _payment_expected(order: Order, payment: Payment) -> str:
    if _paid(order):
        return f"{payment.amount} PAID, {order.money(payment.refunded)} returned"
    if order.state is OrderState.CANCELLED and payment.left:  # a deposit that is kept
        return f"{payment.amount} PAID, {order.money(payment.refunded)} returned"
    state = "HELD" if order.state is OrderState.PENDING_PAYMENT else "RELEASED"
    return f"{payment.amount} {state}, {order.money(0)} returned"


def _paid(order: Order) -> bool:
    return order.state not in {OrderState.PENDING_PAYMENT, OrderState.CANCELLED}
