"""Campaigns and members as orders meets them: real gRPC servers of the real services, with small brains inside."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
from google.protobuf.message import Message
from google.type.money_pb2 import Money as WireMoney
from kehu.campaigns.v1 import campaigns_pb2_grpc, coupons_pb2, errors_pb2, prices_pb2
from kehu.members.v1 import (
    gift_cards_pb2,
    gift_cards_pb2_grpc,
    members_pb2,
    members_pb2_grpc,
    programmes_pb2,
    programmes_pb2_grpc,
    stored_value_pb2,
    stored_value_pb2_grpc,
)

from kit.errors import Fault, Kind
from kit.money import Money, allocate
from kit.names import new_id
from kit.rpc import status
from kit.rpc.convert import money, wire_money

ACTIVE = members_pb2.Hold.STATE_ACTIVE
RELEASED = members_pb2.Hold.STATE_RELEASED
HELD = stored_value_pb2.StoredValuePayment.STATE_HELD


class Idempotent:
    """The same request id gets the same answer; `calls` counts what arrived, by method."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self._answers: dict[str, tuple[bytes, Message]] = {}

    async def answer(self, request: Any, context: grpc.aio.ServicerContext, make: Any) -> Any:
        """The stored answer, or a new one. A Fault ends the call and is not stored."""
        method = type(request).__name__.removesuffix("Request")
        self.calls[method] += 1
        key, fingerprint = f"{method} {getattr(request, 'request_id', '')}", request.SerializeToString()
        if key in self._answers:
            known, answer = self._answers[key]
            if known == fingerprint:
                return answer
            await status.abort(context, Fault(Kind.INVALID_ARGUMENT, "REQUEST_ID_REUSED", "reused"))
        try:
            answer = make(request)
        except Fault as fault:
            await status.abort(context, fault)
        if not key.endswith(" "):
            self._answers[key] = fingerprint, answer
        return answer


class Campaigns(campaigns_pb2_grpc.CampaignsServiceServicer):
    """Coupons take a fixed amount off, spread over the lines; a promotion takes off a percentage first."""

    def __init__(self) -> None:
        self.seen = Idempotent()
        self.off: dict[str, int] = {}
        self.owners: dict[str, str] = {}
        self.locks: dict[str, str] = {}
        self.checkouts: dict[str, str] = {}
        self.used: set[str] = set()
        self.percent = 0
        self.nonsense = 0
        self.gate = asyncio.Event()
        self.gate.set()

    def coupon(self, member: str, off: int) -> str:
        """A coupon of the member that takes `off` minor units off."""
        name = f"coupons/{new_id()}"
        self.off[name], self.owners[name] = off, member
        return name

    async def PriceOrder(self, request: prices_pb2.PriceOrderRequest, context: Any) -> Any:
        await self.gate.wait()
        return await self.seen.answer(request, context, self._price)

    async def LockCoupons(self, request: coupons_pb2.LockCouponsRequest, context: Any) -> Any:
        return await self.seen.answer(request, context, self._lock)

    async def UnlockCoupons(self, request: coupons_pb2.UnlockCouponsRequest, context: Any) -> Any:
        return await self.seen.answer(request, context, self._unlock)

    async def GetCoupon(self, request: coupons_pb2.GetCouponRequest, context: Any) -> Any:
        return await self.seen.answer(request, context, self._coupon)

    def _coupon(self, request: coupons_pb2.GetCouponRequest) -> coupons_pb2.Coupon:
        used = request.name in self.used
        state = coupons_pb2.Coupon.STATE_USED if used else coupons_pb2.Coupon.STATE_LOCKED
        return coupons_pb2.Coupon(name=request.name, state=state, order=self.locks.get(request.name, ""))

    async def BatchPriceOrders(self, request: prices_pb2.BatchPriceOrdersRequest, context: Any) -> Any:
        await self.gate.wait()
        self.seen.calls["BatchPriceOrders"] += 1
        outcomes = [prices_pb2.PriceOutcome(price=self._price(each)) for each in request.requests]
        return prices_pb2.BatchPriceOrdersResponse(outcomes=outcomes)

    def _price(self, request: prices_pb2.PriceOrderRequest) -> prices_pb2.PriceOrderResponse:
        amounts = [money(line.unit_price).minor * line.quantity for line in request.lines]
        offs = [amount * self.percent // 100 for amount in amounts]
        decisions = []
        for coupon in sorted(request.coupons):
            reason = self._refusal(coupon, request.member, request.order)
            left = [amount - off for amount, off in zip(amounts, offs, strict=True)]
            if not reason:
                shares = allocate(min(self.off[coupon], sum(left)), left)
                offs = [off + share for off, share in zip(offs, shares, strict=True)]
            decisions.append(prices_pb2.CouponDecision(coupon=coupon, accepted=not reason, reason=reason))
        return prices_pb2.PriceOrderResponse(
            lines=[
                prices_pb2.PricedLine(
                    product=line.product,
                    quantity=line.quantity,
                    unit_price=line.unit_price,
                    discount=self._money(off + self.nonsense, request),
                    amount=self._money(amount - off, request),
                )
                for line, amount, off in zip(request.lines, amounts, offs, strict=True)
            ],
            coupon_decisions=decisions,
        )

    def _refusal(self, coupon: str, member: str, order: str = "") -> Any:
        if self.owners.get(coupon) != member:
            return errors_pb2.ERROR_REASON_COUPON_NOT_FOUND
        if self.locks.get(coupon, order) != order:
            return errors_pb2.ERROR_REASON_COUPON_LOCKED
        return 0

    def _lock(self, request: coupons_pb2.LockCouponsRequest) -> coupons_pb2.LockCouponsResponse:
        for coupon in request.coupons:
            reason = self._refusal(coupon, request.member, request.order)
            if reason:
                name = errors_pb2.ErrorReason.Name(reason).removeprefix("ERROR_REASON_")
                raise Fault(Kind.FAILED_PRECONDITION, name, "refused", metadata={"coupon": coupon})
        self.locks |= dict.fromkeys(request.coupons, request.order)
        self.checkouts |= dict.fromkeys(request.coupons, request.checkout)
        return coupons_pb2.LockCouponsResponse(coupons=[coupons_pb2.Coupon(name=name) for name in request.coupons])

    def _unlock(self, request: coupons_pb2.UnlockCouponsRequest) -> coupons_pb2.UnlockCouponsResponse:
        for coupon in request.coupons:
            if self.locks.get(coupon) == request.order and self.checkouts.get(coupon, "") == request.checkout:
                del self.locks[coupon]
        return coupons_pb2.UnlockCouponsResponse()

    @staticmethod
    def _money(minor: int, request: prices_pb2.PriceOrderRequest) -> WireMoney:
        return wire_money(Money(minor, request.currency_code))


class Members(members_pb2_grpc.MembersServiceServicer):
    """One point is worth one minor unit of CNY."""

    def __init__(self) -> None:
        self.seen = Idempotent()
        self.available: dict[str, int] = {}
        self.holds: dict[str, members_pb2.Hold] = {}
        self.funds: dict[str, int] = {}
        self.purchases: dict[str, WireMoney] = {}
        self.least, self.percent, self.old = 1, 100, False
        self.payments: dict[str, tuple[str, stored_value_pb2.StoredValuePayment]] = {}
        self.gate = asyncio.Event()
        self.gate.set()

    async def CreateHold(self, request: members_pb2.CreateHoldRequest, context: Any) -> Any:
        await self.gate.wait()
        return await self.seen.answer(request, context, self._hold)

    async def GetHold(self, request: members_pb2.GetHoldRequest, context: Any) -> Any:
        return await self.seen.answer(request, context, lambda each: self.holds[each.name])

    async def ReleaseHold(self, request: members_pb2.ReleaseHoldRequest, context: Any) -> Any:
        return await self.seen.answer(request, context, self._release)

    def _hold(self, request: members_pb2.CreateHoldRequest) -> members_pb2.Hold:
        if request.parent not in self.available:
            raise Fault(Kind.NOT_FOUND, "MEMBER_NOT_FOUND", "no such member")
        if self.available[request.parent] < request.hold.points:
            raise Fault(Kind.FAILED_PRECONDITION, "POINTS_INSUFFICIENT", "too few points")
        self.available[request.parent] -= request.hold.points
        hold = members_pb2.Hold(
            name=f"{request.parent}/holds/{new_id()}",
            points=request.hold.points,
            value=wire_money(Money(request.hold.points, "CNY")),
            state=ACTIVE,
            source=request.source,
        )
        self.holds[hold.name] = hold
        return hold

    def _release(self, request: members_pb2.ReleaseHoldRequest) -> members_pb2.Hold:
        hold = self.holds[request.name]
        if hold.state == ACTIVE:
            hold.state = RELEASED
            self.available[request.name.partition("/holds/")[0]] += hold.points
        return hold


class Programmes(programmes_pb2_grpc.ProgrammesServiceServicer):
    """What members counts of orders, and what points may pay of them: at least `least`, at most `percent` of the goods,
    and nothing of the freight. An `old` one does not tell."""

    def __init__(self, members: Members) -> None:
        self.members = members

    async def GetPurchase(self, request: programmes_pb2.GetPurchaseRequest, context: Any) -> Any:
        return await self.members.seen.answer(request, context, self._purchase)

    async def QuoteRedemption(self, request: programmes_pb2.QuoteRedemptionRequest, context: Any) -> Any:
        return await self.members.seen.answer(request, context, self._quote)

    def _quote(self, request: programmes_pb2.QuoteRedemptionRequest) -> programmes_pb2.QuoteRedemptionResponse:
        if request.parent not in self.members.available:
            raise Fault(Kind.NOT_FOUND, "MEMBER_NOT_FOUND", "no such member")
        goods = sum(money(line.amount).minor for line in request.lines)
        answer = programmes_pb2.QuoteRedemptionResponse(min_points=self.members.least)
        if not self.members.old:
            answer.max_points = goods * self.members.percent // 100
        return answer

    def _purchase(self, request: programmes_pb2.GetPurchaseRequest) -> programmes_pb2.Purchase:
        if request.name not in self.members.purchases:
            raise Fault(Kind.NOT_FOUND, "PURCHASE_NOT_FOUND", "no such purchase")
        return programmes_pb2.Purchase(name=request.name, net_total=self.members.purchases[request.name])


class StoredValues(stored_value_pb2_grpc.StoredValueServiceServicer):
    """Payments that are held once under one reference for ever, from what members have (`available`)."""

    def __init__(self, members: Members) -> None:
        self.seen = members.seen
        self.payments = members.payments
        self.funds = members.funds

    async def HoldStoredValue(self, request: stored_value_pb2.HoldStoredValueRequest, context: Any) -> Any:
        return await self.seen.answer(request, context, lambda each: hold_money(self, each, each.member))

    async def ReleaseStoredValuePayment(
        self, request: stored_value_pb2.ReleaseStoredValuePaymentRequest, context: Any
    ) -> Any:
        return await self.seen.answer(request, context, self._release)

    async def GetStoredValuePayment(self, request: stored_value_pb2.GetStoredValuePaymentRequest, context: Any) -> Any:
        found = (each for _, each in self.payments.values() if each.name == request.name)
        return await self.seen.answer(request, context, lambda _: next(found))

    async def LookupStoredValuePayment(
        self, request: stored_value_pb2.LookupStoredValuePaymentRequest, context: Any
    ) -> Any:
        return await self.seen.answer(request, context, self._lookup)

    def _release(self, request: stored_value_pb2.ReleaseStoredValuePaymentRequest) -> Any:
        owner, payment = next(each for each in self.payments.values() if each[1].name == request.name)
        if payment.state == HELD:
            payment.state = stored_value_pb2.StoredValuePayment.STATE_RELEASED
            self.funds[owner] += money(payment.amount).minor
        return payment

    def _lookup(self, request: stored_value_pb2.LookupStoredValuePaymentRequest) -> Any:
        if request.reference not in self.payments:
            raise Fault(Kind.NOT_FOUND, "STORED_VALUE_PAYMENT_NOT_FOUND", "no such payment")
        return self.payments[request.reference][1]


class GiftCards(gift_cards_pb2_grpc.GiftCardServiceServicer):
    """Cards, by their code."""

    def __init__(self, members: Members) -> None:
        self.seen = members.seen
        self.payments = members.payments
        self.funds = members.funds

    async def HoldGiftCard(self, request: gift_cards_pb2.HoldGiftCardRequest, context: Any) -> Any:
        return await self.seen.answer(request, context, lambda each: hold_money(self, each, each.code))


def hold_money(peer: StoredValues | GiftCards, request: Any, owner: str) -> stored_value_pb2.StoredValuePayment:
    """Hold money of a member or a card, once under a reference."""
    if request.reference in peer.payments:
        return peer.payments[request.reference][1]
    amount = money(request.amount).minor
    if peer.funds.get(owner, 0) < amount:
        raise Fault(Kind.FAILED_PRECONDITION, "STORED_VALUE_INSUFFICIENT", "too little")
    peer.funds[owner] -= amount
    payment = stored_value_pb2.StoredValuePayment(
        name=f"storedValuePayments/{new_id()}", amount=request.amount, state=HELD, source=request.source
    )
    peer.payments[request.reference] = owner, payment
    return payment


@asynccontextmanager
async def serving_peers(campaigns: Campaigns, members: Members) -> AsyncIterator[str]:
    """One server for both, as its address."""
    server = grpc.aio.server()
    stored_value_pb2_grpc.add_StoredValueServiceServicer_to_server(StoredValues(members), server)  # type: ignore[abstract]
    programmes_pb2_grpc.add_ProgrammesServiceServicer_to_server(Programmes(members), server)  # type: ignore[abstract]
    gift_cards_pb2_grpc.add_GiftCardServiceServicer_to_server(GiftCards(members), server)  # type: ignore[abstract]
    campaigns_pb2_grpc.add_CampaignsServiceServicer_to_server(campaigns, server)
    members_pb2_grpc.add_MembersServiceServicer_to_server(members, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield f"127.0.0.1:{port}"
    await server.stop(grace=None)
