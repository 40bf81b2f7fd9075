"""Baskets between the wire and the domain: what an order or a quote is about."""

from __future__ import annotations

from google.type.money_pb2 import Money as WireMoney
from kehu.orders.v1 import orders_pb2 as pb
from kehu.orders.v1.carts_pb2 import CheckoutCartRequest
from kehu.orders.v1.shipping_pb2 import SuggestShippingMethodsRequest

from kit import names
from kit.errors import invalid
from kit.money import Money
from kit.rpc import convert
from kit.vault import Vault
from services.orders.api import delivery
from services.orders.api.stock import optional_location
from services.orders.api.wire import optional_id
from services.orders.domain.order_content import Buyer
from services.orders.domain.quote import Wanted
from services.orders.usecases.basket import Basket, GiftCard

Tenders = pb.PlaceOrderRequest | CheckoutCartRequest | pb.CheckoutOrderRequest


def ordered(request: pb.PlaceOrderRequest, vault: Vault) -> Basket:
    """Read what is to be bought."""
    chosen = delivery.choice(request.delivery) if request.HasField("delivery") else None
    return Basket(
        wanted=_wanted(request),
        buyer=Buyer(
            member=optional_id("members", request.member, field="member"),
            account=optional_id("accounts", request.account, field="account"),
        ),
        channel=request.channel,
        coupons=_coupons(request),
        points=request.points,
        store=request.store,
        stored_value=stored_value(request),
        gift_cards=gift_cards(request),
        delivery=chosen,
        address=delivery.sealed(vault, chosen.address) if chosen else None,
        location=optional_location(request.location, field="location"),
        reservation=optional_id("reservations", request.reservation, field="reservation"),
    )


def asked(request: pb.QuoteOrderRequest) -> Basket:
    """Read what would be bought."""
    return Basket(
        wanted=_wanted(request),
        buyer=Buyer(
            member=optional_id("members", request.member, field="member"),
            account=optional_id("accounts", request.account, field="account"),
        ),
        channel=request.channel,
        store=request.store,
        coupons=_coupons(request),
        delivery=delivery.choice(request.delivery) if request.HasField("delivery") else None,
        activity=request.activity,
    )


def tendered(request: pb.CheckoutOrderRequest) -> Basket:
    """Read what is to pay an order that is there."""
    return Basket(
        wanted=(),
        buyer=Buyer(),
        channel="",
        points=request.points,
        stored_value=stored_value(request),
        gift_cards=gift_cards(request),
    )


def stored_value(request: Tenders) -> Money | None:
    """Read what the member's stored value is to pay."""
    return _positive(request.stored_value, "stored_value") if request.HasField("stored_value") else None


def gift_cards(request: Tenders) -> tuple[GiftCard, ...]:
    """Read what gift cards are to pay."""
    return tuple(
        GiftCard(card.code, _positive(card.amount, f"gift_cards[{index}].amount"))
        for index, card in enumerate(request.gift_cards)
    )


def suggested(request: SuggestShippingMethodsRequest) -> Basket:
    """Read what would be brought."""
    return Basket(
        wanted=_wanted(request),
        buyer=Buyer(member=optional_id("members", request.member, field="member")),
        channel=request.channel,
        activity=request.activity,
    )


def _wanted(request: pb.PlaceOrderRequest | pb.QuoteOrderRequest | SuggestShippingMethodsRequest) -> tuple[Wanted, ...]:
    return tuple(
        Wanted(names.id_of("products", line.product, field=f"lines[{index}].product"), line.quantity)
        for index, line in enumerate(request.lines)
    )


def _coupons(request: pb.PlaceOrderRequest | pb.QuoteOrderRequest) -> tuple[str, ...]:
    for index, name in enumerate(request.coupons):
        names.id_of("coupons", name, field=f"coupons[{index}]")
    return tuple(request.coupons)


def _positive(wire: WireMoney, field: str) -> Money:
    amount = convert.money(wire, field=field)
    if amount.minor <= 0:
        raise invalid(field, "must be more than nothing")
    return amount
