"""Campaigns, as checkout sees it: prices and coupons."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context, copy_context
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from kehu.campaigns.v1 import coupons_pb2, errors_pb2, prices_pb2
from kehu.campaigns.v1.campaigns_pb2_grpc import CampaignsServiceStub

from kit import names
from kit.errors import Fault, Kind, unavailable
from kit.money import Money
from kit.rpc import Edge, Peer, convert, status
from kit.rpc import call as calls
from kit.rpc.call import Call
from services.orders.api.wire import optional_name
from services.orders.domain import errors
from services.orders.domain.checkout import Attempt, Held, Step
from services.orders.domain.quote import CouponDecision, Quote


@dataclass(frozen=True, slots=True)
class _Asked:
    """A price that somebody waits for: until when, and in whose trace."""

    request: prices_pb2.PriceOrderRequest
    call: Call
    context: Context


class CampaignsPrices:
    """Prices orders by the promotions and coupons of the day. Concurrent calls share one RPC: a call for each order
    would cost both services more than all the rest of the order."""

    def __init__(self, peer: Peer, edge: Edge[Any], *, seconds: Callable[[], float]) -> None:
        self._peer = peer
        self._seconds = seconds
        self._no_discount_until = float("-inf")
        self._stub = CampaignsServiceStub(peer.channel)
        self._price: Callable[[_Asked], Awaitable[prices_pb2.PriceOrderResponse]] = edge.together(
            "price", self._together
        )

    async def price(
        self, quote: Quote, *, member: UUID | None, channel: str, coupons: Sequence[str], order_id: UUID | None
    ) -> Quote:
        """The quote with its discounts and what became of each coupon; those locked for the order can be used.

        Campaigns says for how long orders without coupons get no discount: for so long it is not asked for them.
        """
        if not coupons and self._seconds() < self._no_discount_until:
            return quote.discounted([0] * len(quote.items), [])
        asked_at = self._seconds()
        request = prices_pb2.PriceOrderRequest(
            member=optional_name("members", member),
            channel=channel,
            currency_code=quote.currency,
            lines=[
                prices_pb2.PriceLine(
                    product=optional_name("products", item.product),
                    quantity=item.quantity,
                    unit_price=convert.wire_money(Money(item.unit_price, quote.currency)),
                )
                for item in quote.items
            ],
            coupons=coupons,
            order=optional_name("orders", order_id),
        )
        answer = await self._price(_Asked(request, calls.current(), copy_context()))
        self._no_discount_until = asked_at + answer.no_discount_for.ToTimedelta().total_seconds()
        discounts = [convert.money(line.discount).minor for line in answer.lines]
        return quote.discounted(discounts, [_decision(each) for each in answer.coupon_decisions])

    async def _together(self, batch: Sequence[_Asked]) -> Sequence[prices_pb2.PriceOrderResponse | Fault]:
        """Ask for all, as the first of them and until the last of them gives up."""
        deadline = max(asked.call.deadline for asked in batch)
        return await asyncio.create_task(self._ask(batch, deadline), context=batch[0].context)

    async def _ask(self, batch: Sequence[_Asked], deadline: float) -> Sequence[prices_pb2.PriceOrderResponse | Fault]:
        calls.enter(replace(batch[0].call, deadline=deadline))
        try:
            if len(batch) == 1:
                return [await self._peer.call(self._stub.PriceOrder, batch[0].request)]
            together = prices_pb2.BatchPriceOrdersRequest(requests=[asked.request for asked in batch])
            answer = await self._peer.call(self._stub.BatchPriceOrders, together)
        except Fault as fault:
            if not fault.transient:
                raise  # one of them makes no sense: each is asked for alone
            return [fault] * len(batch)
        return [_outcome(each) for each in answer.outcomes]


class CampaignsCoupons:
    """Locks coupons for an order, and frees them."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._stub = CampaignsServiceStub(peer.channel)

    async def hold(self, attempt: Attempt, step: Step, *, store: str, code: str) -> Held:
        """Lock all of the coupons for the order. Raises a Fault, and locks none, if one can't be used."""
        request = coupons_pb2.LockCouponsRequest(
            coupons=step.coupons,
            order=names.join("orders", attempt.order),
            checkout=_checkout(attempt),
            member=names.join("members", attempt.buyer),
            expire_time=convert.wire_instant(attempt.hold_until),
            request_id=str(attempt.order_id),
        )
        try:
            await self._peer.call(self._stub.LockCoupons, request)
        except Fault as fault:
            if fault.kind in {Kind.FAILED_PRECONDITION, Kind.NOT_FOUND, Kind.INVALID_ARGUMENT}:
                raise errors.coupon_refused(_coupon_in(fault), fault.reason) from fault
            raise
        return Held()

    async def release(self, attempt: Attempt, step: Step) -> bool:
        """Free the coupons, as far as the order has them locked; it does not tell whether it had."""
        # No request id: the answer to an earlier call says nothing of now.
        request = coupons_pb2.UnlockCouponsRequest(
            coupons=step.coupons, order=names.join("orders", attempt.order), checkout=_checkout(attempt)
        )
        try:
            await self._peer.call(self._stub.UnlockCoupons, request)
        except Fault as fault:
            if fault.kind is not Kind.NOT_FOUND:  # one of them never was: campaigns has locked none of them
                raise
        return False


def _checkout(attempt: Attempt) -> str:
    """Whose the lock is, if not the order's own: late news of that order's end must not open it."""
    return names.join("checkouts", attempt.order_id) if attempt.pays else ""


def _outcome(outcome: prices_pb2.PriceOutcome) -> prices_pb2.PriceOrderResponse | Fault:
    if outcome.WhichOneof("outcome") == "price":
        return outcome.price
    return status.fault_in(outcome.refusal) or unavailable("campaigns")


def _decision(decision: prices_pb2.CouponDecision) -> CouponDecision:
    reason = errors_pb2.ErrorReason.Name(decision.reason).removeprefix("ERROR_REASON_")
    return CouponDecision(decision.coupon, decision.accepted, "" if decision.accepted else reason)


def _coupon_in(fault: Fault) -> str:
    return fault.metadata.get("coupon") or fault.metadata.get("name", "")
