"""Campaigns, as checkout sees it: prices and coupons."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from kehu.campaigns.v1 import coupons_pb2, errors_pb2, prices_pb2
from kehu.campaigns.v1.campaigns_pb2_grpc import CampaignsServiceStub

from kit import names
from kit.errors import Fault, Kind
from kit.money import Money
from kit.rpc import Peer, convert
from services.orders.api.wire import optional_name
from services.orders.domain import errors
from services.orders.domain.quote import CouponDecision, Quote


class CampaignsPrices:
    """Prices orders by the promotions and coupons of the day."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._stub = CampaignsServiceStub(peer.channel)

    async def price(
        self, quote: Quote, *, member: UUID | None, channel: str, coupons: Sequence[str], order_id: UUID | None
    ) -> Quote:
        """The quote with its discounts and what became of each coupon; those locked for the order can be used."""
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
        answer = await self._peer.call(self._stub.PriceOrder, request)
        discounts = [convert.money(line.discount).minor for line in answer.lines]
        return quote.discounted(discounts, [_decision(each) for each in answer.coupon_decisions])


class CampaignsCoupons:
    """Locks coupons for an order, and frees them."""

    def __init__(self, peer: Peer) -> None:
        self._peer = peer
        self._stub = CampaignsServiceStub(peer.channel)

    async def lock(self, coupons: Sequence[str], *, member: UUID, order_id: UUID, until: datetime) -> None:
        """Lock all of the coupons for an order. Raises a Fault, and locks none, if one can't be used."""
        request = coupons_pb2.LockCouponsRequest(
            coupons=coupons,
            order=names.join("orders", order_id),
            member=names.join("members", member),
            expire_time=convert.wire_instant(until),
            request_id=str(order_id),
        )
        try:
            await self._peer.call(self._stub.LockCoupons, request)
        except Fault as fault:
            if fault.kind in {Kind.FAILED_PRECONDITION, Kind.NOT_FOUND, Kind.INVALID_ARGUMENT}:
                raise errors.coupon_refused(_coupon_in(fault), fault.reason) from fault
            raise

    async def unlock(self, coupons: Sequence[str], *, order_id: UUID) -> None:
        """Free the coupons that are locked for an order."""
        # No request id: a twin may have locked again what an earlier call freed.
        request = coupons_pb2.UnlockCouponsRequest(coupons=coupons, order=names.join("orders", order_id))
        await self._peer.call(self._stub.UnlockCoupons, request)


def _decision(decision: prices_pb2.CouponDecision) -> CouponDecision:
    reason = errors_pb2.ErrorReason.Name(decision.reason).removeprefix("ERROR_REASON_")
    return CouponDecision(decision.coupon, decision.accepted, "" if decision.accepted else reason)


def _coupon_in(fault: Fault) -> str:
    return fault.metadata.get("coupon") or fault.metadata.get("name", "")
